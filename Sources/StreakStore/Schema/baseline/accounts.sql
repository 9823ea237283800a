-- Accounts and their devices: what seldom changes. What every change of a person's data rewrites is in `heads`.
--
-- Every table with a person's data begins its primary key with `user_id`, and no statement of the request path joins
-- across people, so that the database can be spread by `user_id`. `emails` and `sessions` are look-ups from what a
-- stranger knows.

CREATE TABLE users (
  user_id uuid PRIMARY KEY,
  email text NOT NULL,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL,
  -- The reply to the sign-up, sealed under the request's own secrets.
  sealed_sign_up bytea NOT NULL
);

CREATE TABLE emails (
  email_key text PRIMARY KEY,
  user_id uuid NOT NULL
);

-- One row per device that ever signed in; its credentials are those of the last sign-in or refresh, as hashes.
-- NULL: signed out.
CREATE TABLE devices (
  user_id uuid NOT NULL,
  device_id uuid NOT NULL,
  name text NOT NULL,
  platform text NOT NULL,
  app_version text NOT NULL,
  registered_at timestamptz NOT NULL,
  access_hash bytea,
  access_expires_at timestamptz,
  -- The access token before the last refresh keeps working until it expires: calls may be under way with it.
  previous_access_hash bytea,
  previous_access_expires_at timestamptz,
  refresh_hash bytea,
  refresh_expires_at timestamptz,
  -- The half of the refresh token that stays the same over refreshes: its holder once held a genuine token.
  refresh_family_hash bytea,
  previous_refresh_hash bytea,
  refreshed_at timestamptz,
  -- The reply to the last refresh, sealed under the refresh token it was given for.
  sealed_refresh bytea,
  -- Of the address that the device signed in from last, together with the person's id.
  address_hash bytea,
  -- The person took the device's trust away; it has it again with its next sign-in.
  revoked_at timestamptz,
  PRIMARY KEY (user_id, device_id)
);

-- Anonymous sessions: no more than when they began and which account they became part of.
CREATE TABLE sessions (
  session_id uuid PRIMARY KEY,
  secret_hash bytea NOT NULL,
  -- NULL: begun offline, known only since its migration.
  anchor timestamptz,
  last_contact_at timestamptz NOT NULL,
  -- The reply to StartSession, sealed under its idempotency key.
  sealed_start bytea,
  claimed_by uuid,
  migration_id uuid
);

CREATE INDEX sessions_by_claimant ON sessions (claimed_by) WHERE claimed_by IS NOT NULL;
