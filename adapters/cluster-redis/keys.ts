/**
 * Where what the nodes of a cluster share lies in Redis, but for their messages. One hash tag: one connection reaches all of
 * it in Redis Cluster too, and a script may look at several keys. Several clusters may share a Redis.
 */
export const clusterKey = (cluster: string, name: string): string => `{heliograph:${cluster}:cluster}:${name}`;
