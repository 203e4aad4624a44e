-- Receipts that are sent to accounts again (`heliograph receipts repush`).

-- Which id a receipt about the message names: that of the message so many places before, 0 for its own. -1: none is sent,
-- since its sender asks for the fate, or it is a part of a longer message. NULL: archived by an earlier release.
ALTER TABLE messages ADD COLUMN receipt_as smallint;

CREATE TABLE receipt_runs (
  run text PRIMARY KEY,
  account text NOT NULL,
  -- The messages' last fates were known from … on, and before ….
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  -- The node that is at it. Another may go on with it a minute after it was heard of last.
  holder text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  heard_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  -- All before this address are done.
  next_address bigint NOT NULL DEFAULT 0,
  pushed bigint NOT NULL DEFAULT 0
);
