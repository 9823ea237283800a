extension SchemaVersion {
  /// The tables of accounts, sessions, habits, the ledger, migrations and audit.
  ///
  /// Every table with a person's data begins its primary key with `user_id`, and no statement of the request path joins across people, so
  /// that the database can be spread by `user_id`. `emails` and `sessions` are look-ups from what a stranger knows to whose it is.
  static let initial = SchemaVersion(
    number: 1, name: "initial",
    statements: [
      """
      CREATE TABLE users (
        user_id uuid PRIMARY KEY,
        email text NOT NULL,
        password_hash text NOT NULL,
        created_at timestamptz NOT NULL,
        -- Allocated under this row's lock: whoever stores a change of this person's data raises it by one in the same statement.
        change_number bigint NOT NULL DEFAULT 0,
        -- Zones used lately, as StreakDomain writes them: what "today" is follows from them.
        zone_uses bytea NOT NULL DEFAULT '',
        audit_count bigint NOT NULL DEFAULT 0,
        -- The reply to the sign-up, sealed under the request's own secrets.
        sealed_sign_up bytea NOT NULL
      )
      """,
      """
      CREATE TABLE emails (
        email_key text PRIMARY KEY,
        user_id uuid NOT NULL
      )
      """,
      """
      -- One row per device that ever signed in; its credentials are those of the last sign-in or refresh, as hashes. NULL: signed out.
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
        -- The half of the refresh token that stays the same over refreshes: whoever knows it once held a genuine token.
        refresh_family_hash bytea,
        previous_refresh_hash bytea,
        refreshed_at timestamptz,
        -- The reply to the last refresh, sealed under the refresh token it was given for.
        sealed_refresh bytea,
        PRIMARY KEY (user_id, device_id)
      )
      """,
      """
      -- Anonymous sessions: no more than when they began and whose they became.
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
      )
      """,
      """
      CREATE TABLE habits (
        user_id uuid NOT NULL,
        habit_id uuid NOT NULL,
        name text NOT NULL,
        description text NOT NULL,
        color integer NOT NULL,
        position integer NOT NULL,
        archived boolean NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        -- A cache of what the ledger's counted days add up to. 0 for "none" in the days.
        total_days integer NOT NULL DEFAULT 0,
        longest_run integer NOT NULL DEFAULT 0,
        last_run_first_day integer NOT NULL DEFAULT 0,
        last_run_last_day integer NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, habit_id)
      )
      """,
      """
      CREATE TABLE cells (
        user_id uuid NOT NULL,
        habit_id uuid NOT NULL,
        day integer NOT NULL,
        done boolean NOT NULL,
        note text NOT NULL,
        -- 0: counted; otherwise the number of the schema's QuarantineReason.
        quarantine_reason smallint NOT NULL,
        version bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        zone text NOT NULL,
        utc_offset_seconds integer NOT NULL,
        day_start_minutes integer NOT NULL,
        recorded_at timestamptz NOT NULL,
        device_id uuid,
        migration_id uuid,
        PRIMARY KEY (user_id, habit_id, day)
      )
      """,
      """
      -- The states that cells had before their present one.
      CREATE TABLE cell_history (
        LIKE cells,
        PRIMARY KEY (user_id, habit_id, day, version)
      )
      """,
      """
      -- The inbox: entries that broke a rule, whole, so that nothing a person entered vanishes.
      CREATE TABLE rejected_entries (
        user_id uuid NOT NULL,
        entry_id uuid NOT NULL,
        migration_id uuid,
        -- Where it stood in the request, from 0.
        entry_index integer NOT NULL,
        habit_id uuid NOT NULL,
        day integer NOT NULL,
        done boolean NOT NULL,
        note text NOT NULL,
        occurred_at timestamptz NOT NULL,
        zone text NOT NULL,
        utc_offset_seconds integer NOT NULL,
        day_start_minutes integer NOT NULL,
        -- The number of the schema's ErrorReason.
        reason integer NOT NULL,
        rejected_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, entry_id)
      )
      """,
      """
      CREATE TABLE migrations (
        user_id uuid NOT NULL,
        migration_id uuid NOT NULL,
        session_id uuid NOT NULL,
        anchor timestamptz,
        manifest_hash bytea NOT NULL,
        -- The MigrationResult as it was answered.
        result bytea NOT NULL,
        committed_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, migration_id)
      )
      """,
      """
      -- user_id is all zeros, and the number 0, for attempts that belong to no account: an unknown email, a session's start.
      CREATE TABLE audit_events (
        user_id uuid NOT NULL,
        number bigint NOT NULL,
        event_id uuid NOT NULL,
        occurred_at timestamptz NOT NULL,
        method text NOT NULL,
        outcome text NOT NULL,
        reason text NOT NULL,
        device_id uuid,
        peer_address text NOT NULL,
        detail text NOT NULL,
        PRIMARY KEY (user_id, number, event_id)
      )
      """,
    ])
}
