/**
 * What a sender does with a message that was refused with this status:
 * `never`: the message itself is at fault, no route will take it; `later`: the same route, after a pause;
 * `elsewhere`: this peer will not take it, another route may.
 */
export type Retry = 'never' | 'later' | 'elsewhere';

export type StatusEntry = {
  readonly name: string;
  /** The name v5.0 gives to the same value, where it differs from v3.4's. */
  readonly alias?: string;
  readonly value: number;
  readonly retry: Retry;
  /** One sentence for the operator. */
  readonly text: string;
};

/**
 * Every command_status of v3.4 §5.1.3 (Table 5-2) and v5.0 §4.7.6 (Table 4-45), in order of value. One table: the
 * answers we give, what we do about the answers we get, and `heliograph errors CODE` all come from it.
 */
export const STATUSES = [
  { name: 'ESME_ROK', value: 0x00, retry: 'never', text: 'Accepted.' },
  { name: 'ESME_RINVMSGLEN', value: 0x01, retry: 'never', text: 'The message text has an invalid length.' },
  { name: 'ESME_RINVCMDLEN', value: 0x02, retry: 'never', text: 'The PDU is too short or too long for its command.' },
  { name: 'ESME_RINVCMDID', value: 0x03, retry: 'elsewhere', text: 'The peer does not know or support the command.' },
  {
    name: 'ESME_RINVBNDSTS',
    value: 0x04,
    retry: 'later',
    text: 'The command is not allowed in the state the session is in (not bound, or bound the other way).',
  },
  { name: 'ESME_RALYBND', value: 0x05, retry: 'later', text: 'Already bound, or no further bind is allowed now.' },
  { name: 'ESME_RINVPRTFLG', value: 0x06, retry: 'never', text: 'The priority_flag is invalid.' },
  { name: 'ESME_RINVREGDLVFLG', value: 0x07, retry: 'never', text: 'The registered_delivery is invalid or refused.' },
  { name: 'ESME_RSYSERR', value: 0x08, retry: 'later', text: 'The peer has a system error, or is partly unavailable.' },
  { name: 'ESME_RINVSRCADR', value: 0x0a, retry: 'elsewhere', text: 'The source address is invalid or not allowed.' },
  {
    name: 'ESME_RINVDSTADR',
    value: 0x0b,
    retry: 'elsewhere',
    text: 'The destination address is invalid, or has no route.',
  },
  { name: 'ESME_RINVMSGID', value: 0x0c, retry: 'never', text: 'The message_id is invalid or unknown.' },
  { name: 'ESME_RBINDFAIL', value: 0x0d, retry: 'later', text: 'The bind was refused (identity, password, address).' },
  { name: 'ESME_RINVPASWD', value: 0x0e, retry: 'later', text: 'The bind was refused: invalid password.' },
  { name: 'ESME_RINVSYSID', value: 0x0f, retry: 'later', text: 'The bind was refused: invalid system_id.' },
  { name: 'ESME_RCANCELFAIL', value: 0x11, retry: 'never', text: 'The message could not be cancelled.' },
  { name: 'ESME_RREPLACEFAIL', value: 0x13, retry: 'never', text: 'The message could not be replaced.' },
  { name: 'ESME_RMSGQFUL', value: 0x14, retry: 'later', text: 'The queue is full.' },
  { name: 'ESME_RINVSERTYP', value: 0x15, retry: 'elsewhere', text: 'The service_type is invalid or unknown.' },
  { name: 'ESME_RINVNUMDESTS', value: 0x33, retry: 'never', text: 'The number of destinations is invalid.' },
  { name: 'ESME_RINVDLNAME', value: 0x34, retry: 'never', text: 'The distribution list name is invalid or unknown.' },
  { name: 'ESME_RINVDESTFLAG', value: 0x40, retry: 'never', text: 'A dest_flag of submit_multi is invalid.' },
  { name: 'ESME_RINVSUBREP', value: 0x42, retry: 'elsewhere', text: 'Submit with replace is not supported here.' },
  { name: 'ESME_RINVESMCLASS', value: 0x43, retry: 'never', text: 'The esm_class is invalid or not supported.' },
  { name: 'ESME_RCNTSUBDL', value: 0x44, retry: 'elsewhere', text: 'Distribution lists are refused or unavailable.' },
  { name: 'ESME_RSUBMITFAIL', value: 0x45, retry: 'elsewhere', text: 'The submission failed.' },
  { name: 'ESME_RINVSRCTON', value: 0x48, retry: 'elsewhere', text: 'The source address TON is invalid or refused.' },
  { name: 'ESME_RINVSRCNPI', value: 0x49, retry: 'elsewhere', text: 'The source address NPI is invalid or refused.' },
  { name: 'ESME_RINVDSTTON', value: 0x50, retry: 'never', text: 'The destination address TON is invalid or refused.' },
  { name: 'ESME_RINVDSTNPI', value: 0x51, retry: 'never', text: 'The destination address NPI is invalid or refused.' },
  { name: 'ESME_RINVSYSTYP', value: 0x53, retry: 'later', text: 'The bind was refused: invalid system_type.' },
  { name: 'ESME_RINVREPFLAG', value: 0x54, retry: 'never', text: 'The replace_if_present_flag is invalid.' },
  { name: 'ESME_RINVNUMMSGS', value: 0x55, retry: 'never', text: 'The number of messages is invalid.' },
  { name: 'ESME_RTHROTTLED', value: 0x58, retry: 'later', text: 'Too fast: over the throughput or the window.' },
  { name: 'ESME_RINVSCHED', value: 0x61, retry: 'never', text: 'The schedule_delivery_time is invalid.' },
  { name: 'ESME_RINVEXPIRY', value: 0x62, retry: 'never', text: 'The validity_period is invalid.' },
  { name: 'ESME_RINVDFTMSGID', value: 0x63, retry: 'never', text: 'The predefined message is invalid or not found.' },
  { name: 'ESME_RX_T_APPN', value: 0x64, retry: 'later', text: 'The receiver has a temporary problem.' },
  { name: 'ESME_RX_P_APPN', value: 0x65, retry: 'never', text: 'The receiver has a permanent problem.' },
  { name: 'ESME_RX_R_APPN', value: 0x66, retry: 'never', text: 'The receiver rejected the message.' },
  { name: 'ESME_RQUERYFAIL', value: 0x67, retry: 'never', text: 'The query failed.' },
  {
    name: 'ESME_RINVOPTPARSTREAM',
    alias: 'ESME_RINVTLVSTREAM',
    value: 0xc0,
    retry: 'never',
    text: 'The optional parameters are damaged: one runs past the end of the PDU.',
  },
  {
    name: 'ESME_ROPTPARNOTALLWD',
    alias: 'ESME_RTLVNOTALLWD',
    value: 0xc1,
    retry: 'elsewhere',
    text: 'An optional parameter is not allowed here.',
  },
  {
    name: 'ESME_RINVPARLEN',
    alias: 'ESME_RINVTLVLEN',
    value: 0xc2,
    retry: 'never',
    text: 'A parameter has an invalid length.',
  },
  {
    name: 'ESME_RMISSINGOPTPARAM',
    alias: 'ESME_RMISSINGTLV',
    value: 0xc3,
    retry: 'never',
    text: 'An expected optional parameter is missing.',
  },
  {
    name: 'ESME_RINVOPTPARAMVAL',
    alias: 'ESME_RINVTLVVAL',
    value: 0xc4,
    retry: 'never',
    text: 'An optional parameter has an invalid value.',
  },
  { name: 'ESME_RDELIVERYFAILURE', value: 0xfe, retry: 'elsewhere', text: 'The delivery attempt failed.' },
  { name: 'ESME_RUNKNOWNERR', value: 0xff, retry: 'elsewhere', text: 'Unknown error.' },
  { name: 'ESME_RSERTYPUNAUTH', value: 0x100, retry: 'elsewhere', text: 'Not authorised for this service_type.' },
  { name: 'ESME_RPROHIBITED', value: 0x101, retry: 'elsewhere', text: 'Not authorised for this operation.' },
  { name: 'ESME_RSERTYPUNAVAIL', value: 0x102, retry: 'later', text: 'The service_type is unavailable for now.' },
  { name: 'ESME_RSERTYPDENIED', value: 0x103, retry: 'elsewhere', text: 'The service_type refuses this content.' },
  { name: 'ESME_RINVDCS', value: 0x104, retry: 'elsewhere', text: 'The data_coding is invalid or not supported.' },
  { name: 'ESME_RINVSRCADDRSUBUNIT', value: 0x105, retry: 'never', text: 'The source_addr_subunit is invalid.' },
  { name: 'ESME_RINVDSTADDRSUBUNIT', value: 0x106, retry: 'never', text: 'The dest_addr_subunit is invalid.' },
  { name: 'ESME_RINVBCASTFREQINT', value: 0x107, retry: 'never', text: 'The broadcast frequency interval is invalid.' },
  { name: 'ESME_RINVBCASTALIAS_NAME', value: 0x108, retry: 'never', text: 'The broadcast alias name is invalid.' },
  { name: 'ESME_RINVBCASTAREAFMT', value: 0x109, retry: 'never', text: 'The broadcast area format is invalid.' },
  { name: 'ESME_RINVNUMBCAST_AREAS', value: 0x10a, retry: 'never', text: 'The number of broadcast areas is invalid.' },
  { name: 'ESME_RINVBCASTCNTTYPE', value: 0x10b, retry: 'never', text: 'The broadcast content type is invalid.' },
  { name: 'ESME_RINVBCASTMSGCLASS', value: 0x10c, retry: 'never', text: 'The broadcast message class is invalid.' },
  { name: 'ESME_RBCASTFAIL', value: 0x10d, retry: 'elsewhere', text: 'The broadcast failed.' },
  { name: 'ESME_RBCASTQUERYFAIL', value: 0x10e, retry: 'never', text: 'The broadcast query failed.' },
  { name: 'ESME_RBCASTCANCELFAIL', value: 0x10f, retry: 'never', text: 'The broadcast could not be cancelled.' },
  { name: 'ESME_RINVBCAST_REP', value: 0x110, retry: 'never', text: 'The number of repeated broadcasts is invalid.' },
  { name: 'ESME_RINVBCASTSRVGRP', value: 0x111, retry: 'never', text: 'The broadcast service group is invalid.' },
  { name: 'ESME_RINVBCASTCHANIND', value: 0x112, retry: 'never', text: 'The broadcast channel indicator is invalid.' },
] as const satisfies readonly StatusEntry[];

export type StatusName = (typeof STATUSES)[number]['name'];

/** Status values by their v3.4 name: `STATUS.ESME_RTHROTTLED`. */
export const STATUS = Object.fromEntries(STATUSES.map(s => [s.name, s.value])) as Readonly<Record<StatusName, number>>;

const BY_VALUE = new Map<number, StatusEntry>(STATUSES.map(s => [s.value, s]));
const BY_NAME = new Map<string, StatusEntry>();
for (const entry of STATUSES as readonly StatusEntry[]) {
  BY_NAME.set(entry.name, entry);
  if (entry.alias !== undefined) BY_NAME.set(entry.alias, entry);
}

/**
 * The entry of a status value, made up for one that no table lists: 0x400 to 0x4FF belong to the peer's vendor, the
 * rest is reserved. Those are refusals by that peer alone, so another route is tried.
 */
export function statusOf(value: number): StatusEntry {
  const known = BY_VALUE.get(value);
  if (known !== undefined) return known;
  const vendor = value >= 0x400 && value <= 0x4ff;
  return {
    name: `0x${value.toString(16).padStart(8, '0')}`,
    value,
    retry: 'elsewhere',
    text: vendor ? 'An error specific to the vendor of the SMSC.' : 'A reserved value.',
  };
}

/** Finds an entry by name (v3.4 or v5.0) or by value, decimal or with 0x; undefined when nothing fits. */
export function findStatus(text: string): StatusEntry | undefined {
  const byName = BY_NAME.get(text.toUpperCase());
  if (byName !== undefined) return byName;
  if (!/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffffffff ? statusOf(value) : undefined;
}
