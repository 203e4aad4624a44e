-- Configuration: kept here, served from the message store's own copy. Definitions are laid out as in the configuration
-- file and validated by whoever writes them.

CREATE TABLE accounts (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE carriers (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE frontends (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE users (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE api_keys (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE settings (name text PRIMARY KEY, definition jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());

-- Versions of the routing table: immutable but for the time of their last activation.
CREATE TABLE routing_tables (
  version integer PRIMARY KEY,
  routes jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  activated_at timestamptz
);
