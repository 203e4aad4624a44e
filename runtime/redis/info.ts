/** The fields of an INFO reply. */
export function infoOf(reply: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of String(reply).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** Of INFO replication: replicas that are attached to this server and have all but what is on its way to them. */
export function attachedIn(info: ReadonlyMap<string, string>): number {
  let count = 0;
  for (const [name, value] of info) if (/^slave\d+$/.test(name) && value.includes(',state=online,')) count++;
  return count;
}

/** The settings of a CONFIG GET reply. */
export function configOf(reply: unknown): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  const parts = (reply as unknown[]).map(String);
  for (let i = 0; i + 1 < parts.length; i += 2) settings.set(parts[i]!, parts[i + 1]!);
  return settings;
}
