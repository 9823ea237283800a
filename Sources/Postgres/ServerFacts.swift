/// What a server reports about itself and about a connection's session at set-up.
struct ServerFacts: Equatable {
  var backendProcessID: Int32
  /// The database's encoding, by the server's name.
  var encoding: String
  /// Transactions of the session are read-only by default: a standby, or
  /// `default_transaction_read_only`.
  var isReadOnly: Bool
  /// Nil: the role may not query it.
  var identity: DatabaseIdentity?

  /// Columns of `query(withIdentity:)`, in text form.
  init?(_ columns: [String?]) {
    guard columns.count == 5, let process = columns[0].flatMap({ Int32($0) }), let encoding = columns[1],
      let readOnly = columns[2]
    else { return nil }
    backendProcessID = process
    self.encoding = encoding
    isReadOnly = readOnly == "on"
    if let system = columns[3].flatMap({ UInt64($0) }), let timeline = columns[4].flatMap({ UInt32($0) }) {
      identity = DatabaseIdentity(systemIdentifier: system, timeline: timeline)
    }
  }

  /// The timeline that is written to. `pg_control_checkpoint` lags behind a promotion until the
  /// next checkpoint. The name of the current WAL file does not lag, but is known outside recovery
  /// only. Any role may call these functions unless an administrator has revoked the right.
  static let timelineExpression = """
    CASE WHEN pg_is_in_recovery() THEN (
      SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)::bigint
      FROM pg_control_checkpoint() AS c, pg_control_recovery() AS r)
    ELSE ('x00000000' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(64)::bigint END
    """

  /// One row of five columns.
  static func query(withIdentity: Bool) -> String {
    let identity =
      withIdentity
      ? "(SELECT system_identifier FROM pg_control_system())::text, (\(timelineExpression))::text" : "NULL, NULL"
    // A standby's session could write once the standby is promoted, before the new timeline was
    // checked. So the session is set to read-only until it is replaced.
    return """
      SELECT pg_backend_pid()::text, current_setting('server_encoding'), CASE WHEN pg_is_in_recovery()
        THEN set_config('default_transaction_read_only', 'on', false) ELSE current_setting('transaction_read_only') END, \(identity)
      """
  }
}
