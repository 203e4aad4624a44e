/**
 * What a caller may do. admin: everything; operator: send and read; viewer: read, but texts; frontend: send, and read its
 * own; nobody (a request without a key): what is for everybody.
 */
export type Role = 'admin' | 'operator' | 'viewer' | 'frontend' | 'nobody';

/** Who makes a request. */
export interface Caller {
  /** The key's name; '' without one. */
  readonly name: string;
  readonly role: Role;
}

/** An API key's owner, as the configuration has it. */
export interface KeyOwner extends Caller {
  /** May the key be used from there? @param address as a socket tells it */
  readonly allows: (address: string) => boolean;
}

export const NOBODY: Caller = { name: '', role: 'nobody' };

/** Who makes requests where no key is asked for. */
export const LOCAL: Caller = { name: 'local', role: 'admin' };

/** True when the caller may know of a message: a frontend of those it submitted and of those that are for it. */
export function maySee(caller: Caller, account: string, destination: string): boolean {
  return caller.role !== 'frontend' || account === caller.name || destination === caller.name;
}

/** True when the caller may read message texts. */
export const mayReadTexts = (caller: Caller): boolean => caller.role !== 'viewer';

/**
 * True when the caller may submit as this account, and cancel and change its messages: a frontend only as the one that has
 * its name.
 */
export const mayActAs = (caller: Caller, account: string): boolean =>
  caller.role === 'admin' || caller.role === 'operator' || caller.name === account;
