-- The archive: one row a message, partitioned by the UTC day of its batch's commit. Partitions are made by
-- `adapters/archive/partitions.ts`, ahead of time and on demand; retention drops them whole.

-- What was archived of each batch: one row for up to 256 messages makes writing idempotent in every archive mode.
CREATE TABLE batches (
  number bigint NOT NULL,
  accepted_at timestamptz NOT NULL,
  day date NOT NULL,
  -- CRC-32 of what never changes in a batch: another value under the same number is an alarm.
  fingerprint integer NOT NULL,
  -- By index in the batch: its row is written and counted.
  written bit varying(256) NOT NULL,
  -- By index in the batch: the final receipt is in the row, or in `receipts`.
  receipted bit varying(256) NOT NULL,
  PRIMARY KEY (number, day)
) PARTITION BY RANGE (day);

CREATE TABLE messages (
  -- Where it lay in the store: batch number * 256 + index. Ascending, so the index grows at its end.
  address bigint NOT NULL,
  -- What customers know it by.
  id bigint NOT NULL,
  accepted_at timestamptz NOT NULL,
  -- It left, or failed for good.
  settled_at timestamptz,
  -- What its receipt said, when that came before the row was written (else: receipts).
  done_at timestamptz,
  expires_at timestamptz,
  -- command_status, or the receipt's network error.
  error bigint,
  day date NOT NULL,
  route integer NOT NULL,
  table_version integer NOT NULL,
  -- 0 towards a phone, 1 from a phone.
  kind smallint NOT NULL,
  fate smallint NOT NULL,
  attempts smallint NOT NULL,
  priority smallint NOT NULL,
  data_coding smallint NOT NULL,
  esm_class smallint NOT NULL,
  protocol_id smallint NOT NULL,
  registered_delivery smallint NOT NULL,
  source_ton smallint NOT NULL,
  source_npi smallint NOT NULL,
  dest_ton smallint NOT NULL,
  dest_npi smallint NOT NULL,
  account text NOT NULL,
  destination text NOT NULL,
  source_addr text NOT NULL,
  dest_addr text NOT NULL,
  service_type text,
  carrier_id text,
  -- The text where it can be read; its octets where the text does not tell them all. All four NULL in archive mode
  -- `metadata`.
  text text,
  body bytea,
  udh bytea,
  tlvs bytea,
  PRIMARY KEY (address, day)
) PARTITION BY RANGE (day);

-- Receipts that came after their message's row was written. `day` is the message's.
CREATE TABLE receipts (
  address bigint NOT NULL,
  done_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  error bigint,
  day date NOT NULL,
  fate smallint NOT NULL,
  PRIMARY KEY (address, day)
) PARTITION BY RANGE (day);

-- Messages by the minute they were accepted in and the status they have now. Sums to the rows of `messages`, plus what
-- accounts in archive mode `counters` sent.
CREATE TABLE message_counts (
  minute timestamptz NOT NULL,
  count bigint NOT NULL,
  account text NOT NULL,
  destination text NOT NULL,
  status text NOT NULL,
  PRIMARY KEY (minute, account, destination, status)
) WITH (fillfactor = 50);

CREATE FUNCTION fate_name(fate smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE fate
    WHEN 0 THEN 'queued' WHEN 1 THEN 'sent' WHEN 2 THEN 'delivered' WHEN 3 THEN 'expired' WHEN 4 THEN 'deleted'
    WHEN 5 THEN 'undeliverable' WHEN 6 THEN 'accepted' WHEN 7 THEN 'unknown' WHEN 8 THEN 'rejected'
    WHEN 10 THEN 'dropped' WHEN 11 THEN 'replied' ELSE fate::text END
$$;

-- Each message with its final state, whenever its receipt came.
CREATE VIEW message_fates AS
SELECT m.address, m.id, m.day, m.accepted_at, m.settled_at, coalesce(r.done_at, m.done_at) AS done_at, m.expires_at,
  CASE WHEN r.address IS NULL THEN m.error ELSE r.error END AS error,
  coalesce(r.fate, m.fate) AS fate, fate_name(coalesce(r.fate, m.fate)) AS status,
  m.route, m.table_version, CASE m.kind WHEN 0 THEN 'mt' ELSE 'mo' END AS kind, m.attempts, m.priority, m.data_coding,
  m.esm_class, m.protocol_id, m.registered_delivery, m.source_ton, m.source_npi, m.dest_ton, m.dest_npi,
  m.account, m.destination, m.source_addr, m.dest_addr, m.service_type, m.carrier_id, m.text, m.body, m.udh, m.tlvs
FROM messages m LEFT JOIN receipts r ON r.address = m.address AND r.day = m.day;
