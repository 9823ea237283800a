internal import Cryptography
internal import Glibc
internal import PrivateCluster

/// One session with a database, through psql: statements in, rows out. The session ends with this
/// object; uncommitted changes are rolled back.
final class PsqlSession: ByteSink {
  private let program: Program
  /// psql's standard input.
  let input: Descriptor
  private let output: Descriptor
  private var received: [UInt8] = []
  private var isOver = false

  /// A line that psql prints after each answer.
  private static let marker = "--streakd-end-of-answer--"
  /// Bytes of psql's output read at a time.
  private static let chunkBytes = 131_072

  /// - Parameters:
  ///   - environment: Selects the database; see `PostgresPrograms.environment`.
  ///   - user: The operating system's user that psql runs as; nil is our own.
  ///   - progress: Ends psql when the run is cancelled.
  init(
    _ programs: PostgresPrograms, environment: [String], user: ServerUser? = nil, progress: Progress? = nil
  ) throws(OperationsError) {
    let (childInput, input) = try Descriptor.pipe()
    let (output, childOutput) = try Descriptor.pipe()
    program = try Program(
      [programs.psql, "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"], input: childInput, output: childOutput,
      environment: environment, user: user, progress: progress)
    childInput.close()
    childOutput.close()
    self.input = input
    self.output = output
    // Overrides the role's settings: this session has no time limits. Names of tables include the
    // schema where that matters.
    try run(
      """
      SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
      SET client_min_messages = warning;
      """)
  }

  deinit { end() }

  /// Runs statements.
  ///
  /// - Returns: The rows of all of them, with their columns as text.
  @discardableResult
  func run(_ statements: String) throws(OperationsError) -> [[String]] {
    guard try input.write(Array("\(statements)\n\\echo \(Self.marker)\n".utf8)[...]) else { throw failure() }
    var rows: [[String]] = []
    while let line = try nextLine() {
      if line == Self.marker { return rows }
      rows.append(line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
    }
    throw failure()
  }

  /// Runs a COPY to the standard output.
  ///
  /// - Parameter take: Receives the rows in parts, and then the end marker `\\.`; returns whether
  ///   more is to come.
  func copy(_ statement: String, _ take: (RawSpan) -> Bool) throws(OperationsError) {
    guard try input.write(Array("\(statement)\n\\echo '\\\\.'\n".utf8)[...]) else { throw failure() }
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      let count = try output.read(into: &chunk)
      guard count > 0 else { throw failure() }
      guard take(unsafe chunk.span.bytes.extracting(first: count)) else { return }
    }
  }

  /// Sends a part of a script whose answers are not needed.
  ///
  /// - Returns: Whether psql still reads; it stops after an error, which the next `run` throws.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool { try input.write(bytes) }

  /// Turns discarding of answers on or off. While it is on, psql's output need not be read.
  func discardAnswers(_ discards: Bool) throws(OperationsError) {
    _ = try input.write(Array((discards ? "\\o /dev/null\n" : "\\o\n").utf8)[...])
  }

  /// Runs an untrusted dump, and discards its answers. psql ignores its own commands in the dump: a
  /// random key, unknown to the dump, ends this mode.
  ///
  /// - Parameter feed: Writes the dump, filtered by `DumpScript`, with `write`.
  func runRestricted(_ feed: () throws(OperationsError) -> Void) throws(OperationsError) {
    let key = ErasureLedger.hex(randomBytes(count: Self.restrictKeyBytes))
    try discardAnswers(true)
    guard try input.write(Array("\\restrict \(key)\n".utf8)[...]) else { throw failure() }
    try feed()
    _ = try input.write(Array("\n\\unrestrict \(key)\n".utf8)[...])
    try discardAnswers(false)
  }

  /// Bytes of the random key that ends the restricted mode; it is written in hexadecimal digits.
  private static let restrictKeyBytes = 32

  /// Ends the session.
  func end() {
    guard !isOver else { return }
    isOver = true
    input.close()
    output.close()
    _ = program.failure()
  }

  private func failure() -> OperationsError {
    isOver = true
    input.close()
    return .database(program.failure() ?? "psql ended early")
  }

  private func nextLine() throws(OperationsError) -> String? {
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 1)
        return line
      }
      let count = try output.read(into: &chunk)
      guard count > 0 else { return nil }
      received += chunk[..<count]
    }
  }
}
