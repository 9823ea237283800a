/// The table that readiness writes to, as SQL.
enum ProbeSchema {
  static let statements = [
    """
    -- One row for each server process: whether the database takes writes is found out by writing. The padding takes new room on the
    -- disk, and is never committed.
    CREATE TABLE server_probes (
      server uuid PRIMARY KEY,
      probed_at timestamptz NOT NULL,
      padding bytea) WITH (fillfactor = 50)
    """
  ]
}
