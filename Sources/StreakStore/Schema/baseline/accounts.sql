-- Accounts and their devices: data that seldom changes. The data that every change of a user's data
-- rewrites is in `heads`.
--
-- Every table with a user's data begins its primary key with `user_id`, and no statement of the
-- request path joins across users, so that the database can be spread by `user_id`. `emails` and
-- `sessions` are look-ups by values that a stranger knows.

CREATE TABLE users (
  user_id uuid PRIMARY KEY,
  -- Empty: another person has proved that the address is theirs.
  email text NOT NULL,
  -- The password's Argon2id hash, sealed under the server key for this user.
  sealed_password bytea NOT NULL,
  created_at timestamptz NOT NULL,
  -- NULL: nothing has proved that the person reads mail at the address.
  email_verified_at timestamptz,
  -- The language of mails, a BCP 47 tag; empty: not given.
  language text NOT NULL DEFAULT '',
  -- The reply to the sign-up, sealed under the request's own secrets.
  sealed_sign_up bytea NOT NULL,
  -- When the account is to be erased, as the person announced.
  deletion_at timestamptz,
  -- When an operator locked the account: no sign-in succeeds.
  locked_at timestamptz
);

CREATE INDEX users_by_deletion ON users (deletion_at) WHERE deletion_at IS NOT NULL;

CREATE TABLE emails (
  email_key text PRIMARY KEY,
  user_id uuid NOT NULL,
  -- An address that the account had before can be taken back until then, and no other account gets
  -- it. NULL: the account's address.
  reserved_until timestamptz
);

CREATE INDEX emails_reserved ON emails (reserved_until) WHERE reserved_until IS NOT NULL;

CREATE INDEX emails_by_user ON emails (user_id);

-- One row per device that ever signed in; its credentials, as hashes, are a `TokenFamily`.
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
  -- The access token of the previous pair stays valid until it expires: calls may be running with
  -- it.
  previous_access_hash bytea,
  previous_access_expires_at timestamptz,
  refresh_hash bytea,
  refresh_expires_at timestamptz,
  -- The half of the refresh token that stays the same over refreshes: its holder once held a
  -- genuine token.
  refresh_family_hash bytea,
  -- Issued pairs that were not used so far (`TokenFamily`): 80 bytes each.
  unused_pairs bytea NOT NULL DEFAULT '',
  refreshed_at timestamptz,
  -- The last family that ended, and whether it ended because two holders had parted.
  ended_family_hash bytea,
  ended_by_copy boolean NOT NULL DEFAULT false,
  -- A hash of the address of the device's last sign-in, together with the user's id.
  address_hash bytea,
  -- When the person last proved the identity on the device, by the password or a recovery code.
  proven_at timestamptz,
  -- The person revoked the device; its next sign-in makes it known again.
  revoked_at timestamptz,
  PRIMARY KEY (user_id, device_id)
);

-- Codes that sign a person in once, where the password is forgotten.
CREATE TABLE recovery_codes (
  user_id uuid NOT NULL,
  -- A hash of the user's id and the code under the server key.
  code_hash bytea NOT NULL,
  created_at timestamptz NOT NULL,
  -- The device on which they were made: they end with its credentials when the password is changed
  -- on another one.
  made_on uuid NOT NULL,
  used_at timestamptz,
  -- The reply to the recovery that used it, sealed under the request's own secrets. NULL: it was
  -- used as a proof only.
  sealed_reply bytea,
  PRIMARY KEY (user_id, code_hash)
);

-- Devices that ask to be signed in by the approval of another one. user_id is all zeros for an
-- email without an account. The asking device looks its request up by the id.
CREATE TABLE sign_in_approvals (
  request_id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  secret_hash bytea NOT NULL,
  digits text NOT NULL,
  device_id uuid NOT NULL,
  name text NOT NULL,
  platform text NOT NULL,
  app_version text NOT NULL,
  peer_address text NOT NULL,
  requested_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- NULL: not decided.
  is_approved boolean,
  -- The reply with the tokens, sealed under the request's secret. NULL: not completed.
  sealed_reply bytea
);

CREATE INDEX sign_in_approvals_by_user ON sign_in_approvals (user_id);

CREATE INDEX sign_in_approvals_by_end ON sign_in_approvals (expires_at);

-- Anonymous sessions: when they began, which account they became part of, and, until then, a sealed
-- copy of what a browser holds of them.
CREATE TABLE sessions (
  session_id uuid PRIMARY KEY,
  secret_hash bytea NOT NULL,
  -- NULL: begun offline, known only since its migration.
  anchor timestamptz,
  last_contact_at timestamptz NOT NULL,
  -- The reply to StartSession, sealed under its idempotency key.
  sealed_start bytea,
  claimed_by uuid,
  migration_id uuid,
  -- The capture, sealed under the session's secret. NULL: none, or removed at its owner's request.
  sealed_stash bytea,
  -- The order of the captures: a stash never replaces one with a greater number, removed ones
  -- included.
  stash_number bigint,
  stashed_at timestamptz,
  -- The claim brings the capture's data into the account: no copy stays.
  CHECK (claimed_by IS NULL OR sealed_stash IS NULL)
);

CREATE INDEX sessions_by_claimant ON sessions (claimed_by) WHERE claimed_by IS NOT NULL;
