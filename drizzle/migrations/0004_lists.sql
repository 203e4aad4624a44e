-- Lists of messages (`GET /api/messages`), which go back in time window by window.

-- One entry for 1 MB of rows (some 3,000 messages), made after it is written (`adapters/archive/time-index.ts`): a COPY pays
-- nothing for it. The multi form keeps a range narrow although one of its messages was accepted hours before the others.
CREATE INDEX messages_accepted_at ON messages USING brin (accepted_at timestamptz_minmax_multi_ops);
