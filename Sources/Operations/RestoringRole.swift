internal import Cryptography
internal import PrivateCluster

/// The database role that runs a dump: it owns what it makes and has no other rights. A dump is a
/// program: as a superuser it could start other programs, and read and write the server's files.
struct RestoringRole {
  private static let prefix = "streakd_restoring_"

  /// Connects to the database as this role.
  let environment: [String]
  private let name: String
  /// Nil: the given role has no excess rights and is used itself.
  private let owner: [String]?

  /// The role was made for the dump, and signs in with a password.
  var isMade: Bool { owner != nil }

  /// - Parameters:
  ///   - environment: Connects to the database as a role that may restore into it. If that role is
  ///     a superuser, a role with fewer rights is made.
  ///   - user: As in `PsqlSession`.
  init(
    _ programs: PostgresPrograms, environment: [String], user: ServerUser?
  ) throws(OperationsError) {
    let session = try PsqlSession(programs, environment: environment, user: user)
    defer { session.end() }
    let rights = try session.run(
      """
      SELECT rolsuper OR pg_has_role(oid, 'pg_execute_server_program', 'MEMBER')
          OR pg_has_role(oid, 'pg_write_server_files', 'MEMBER') OR pg_has_role(oid, 'pg_read_server_files', 'MEMBER'), rolsuper
        FROM pg_roles WHERE rolname = current_user;
      """)
    guard rights.first?.first == "t" else {
      (self.environment, name, owner) = (environment, "", nil)
      return
    }
    guard rights.first?.last == "t" else {
      throw .refused("the role may use the server's files or programs: name one that owns the database and no more")
    }
    let name = Self.prefix + ErasureLedger.hex(randomBytes(count: 8))
    let password = ErasureLedger.hex(randomBytes(count: 16))
    try Self.removeLeftovers(session)
    try session.run(
      """
      SELECT set_config('log_statement', 'none', false), set_config('log_min_error_statement', 'panic', false);
      CREATE ROLE \(name) LOGIN PASSWORD '\(password)';
      DO $do$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO \(name)', current_database()); END $do$;
      GRANT USAGE, CREATE ON SCHEMA public TO \(name);
      """)
    self.name = name
    owner = environment
    self.environment =
      environment.filter { !$0.hasPrefix("PGUSER=") && !$0.hasPrefix("PGPASSWORD=") }
      + ["PGUSER=\(name)", "PGPASSWORD=\(password)"]
  }

  /// A session as this role.
  func session(
    _ programs: PostgresPrograms, user: ServerUser?, progress: Progress? = nil
  ) throws(OperationsError) -> PsqlSession {
    do throws(OperationsError) {
      return try PsqlSession(programs, environment: environment, user: user, progress: progress)
    } catch {
      guard owner != nil else { throw error }
      throw .refused(
        "a dump is never run as a superuser, and a role made for it cannot sign in: name one that owns the database and no more (\(error))"
      )
    }
  }

  /// Gives what the dump made to the given role, and removes this one.
  func handOver(_ programs: PostgresPrograms, user: ServerUser?) throws(OperationsError) {
    guard let owner else { return }
    let session = try PsqlSession(programs, environment: owner, user: user)
    defer { session.end() }
    try session.run(
      "BEGIN; REASSIGN OWNED BY \(name) TO CURRENT_USER; DROP OWNED BY \(name); DROP ROLE \(name); COMMIT;")
  }

  /// Removes this role after a failure.
  func abandon(_ programs: PostgresPrograms, user: ServerUser?) {
    guard let owner, let session = try? PsqlSession(programs, environment: owner, user: user) else { return }
    defer { session.end() }
    _ = try? session.run("DROP OWNED BY \(name); DROP ROLE \(name);")
  }

  /// Roles left by killed restores: those without a session. A role that owns objects in this
  /// database stays, with its objects.
  private static func removeLeftovers(_ session: PsqlSession) throws(OperationsError) {
    let names = try session.run(
      """
      SELECT rolname FROM pg_roles r WHERE rolname LIKE '\(prefix)%'
        AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid)
        AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid);
      """
    ).compactMap(\.first)
    for name in names where name.allSatisfy({ $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }) {
      try session.run(
        "DO $do$ BEGIN DROP OWNED BY \(name); DROP ROLE \(name); EXCEPTION WHEN OTHERS THEN NULL; END $do$;")
    }
  }
}
