-- Restoring one account: imports, and recoveries from backups.

CREATE TABLE imports (
  user_id uuid NOT NULL,
  import_id uuid NOT NULL,
  -- The returned ImportResponse.
  result bytea NOT NULL,
  imported_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, import_id)
);

CREATE TABLE recoveries (
  user_id uuid NOT NULL,
  recovery_id uuid NOT NULL,
  -- The backup's name and moment.
  backup text NOT NULL,
  backup_at timestamptz NOT NULL,
  requested_at timestamptz NOT NULL,
  -- The number of the schema's RecoveryState.
  state smallint NOT NULL,
  -- Why it failed.
  failure text NOT NULL DEFAULT '',
  -- The backup's data of the user, while it is READY: ExportRecord messages, each after its length
  -- as a varint.
  records bytea,
  -- The returned ConfirmRecoveryResponse.
  result bytea,
  PRIMARY KEY (user_id, recovery_id)
);

CREATE INDEX recoveries_open ON recoveries (requested_at) WHERE state IN (1, 2);

-- Sealed documents whose days kept their status: once, in one account.
CREATE TABLE claimed_documents (
  -- SHA-256 of the document's manifest.
  document_hash bytea PRIMARY KEY,
  user_id uuid NOT NULL,
  import_id uuid NOT NULL
);

CREATE INDEX claimed_documents_by_user ON claimed_documents (user_id);
