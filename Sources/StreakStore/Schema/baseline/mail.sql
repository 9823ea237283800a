-- Mail: the messages that wait for a mail server, and the proofs that they carry.

-- One row per message. It is stored in the transaction of what caused it.
CREATE TABLE mail_outbox (
  -- All zeros: the recipient has no account.
  user_id uuid NOT NULL,
  -- Also the message's name (Message-ID) in each of its deliveries.
  mail_id uuid NOT NULL,
  -- The number of a `MailKind`.
  kind integer NOT NULL,
  -- Empty: nothing is sent. A request about an address without an account stores such a row, so
  -- that it costs as much as another one.
  recipient text NOT NULL,
  language text NOT NULL,
  -- The values for the template, sealed. Empty once the message is done.
  sealed bytea NOT NULL,
  enqueued_at timestamptz NOT NULL,
  -- The message is given up then.
  expires_at timestamptz NOT NULL,
  -- The next attempt. While one is under way, the end of its lease. NULL: the message is done.
  due_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  -- When the mail server took it. NULL and nothing due: it was given up or refused.
  sent_at timestamptz,
  PRIMARY KEY (user_id, mail_id)
);

CREATE INDEX mail_outbox_due ON mail_outbox (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX mail_outbox_by_age ON mail_outbox (enqueued_at);

-- What a mail's link or code proves: that its holder reads mail at the address.
CREATE TABLE mail_tokens (
  -- All zeros: the address has no account yet.
  user_id uuid NOT NULL,
  -- SHA-256 of the link's secret.
  token_hash bytea NOT NULL,
  -- The number of a `MailTokenPurpose`.
  purpose integer NOT NULL,
  email text NOT NULL,
  email_key text NOT NULL,
  -- A keyed hash of the code; NULL: there is only a link.
  code_hash bytea,
  wrong_codes integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, token_hash)
);

CREATE INDEX mail_tokens_by_end ON mail_tokens (expires_at);

-- Codes of people without an account.
CREATE INDEX mail_tokens_by_address ON mail_tokens (email_key) WHERE user_id = '00000000-0000-0000-0000-000000000000';
