internal import Cryptography
internal import Glibc
internal import PrivateCluster

/// One session with a database, through psql: statements in, rows out. Ends with this object; what
/// it has not committed is undone.
final class PsqlSession: ByteSink {
  private let program: Program
  /// Where psql reads from.
  let input: Descriptor
  private let output: Descriptor
  private var received: [UInt8] = []
  private var isOver = false

  /// What psql prints after each answer.
  private static let marker = "--streakd-end-of-answer--"
  /// Bytes of psql's output read at a time.
  private static let chunkBytes = 131_072

  /// - Parameters:
  ///   - environment: Says which database; see `PostgresPrograms.environment`.
  ///   - user: The operating system's user that psql runs as; nil is our own.
  ///   - progress: Ends psql when it is cancelled.
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
    // Whatever the role's settings are: this session takes as long as it takes. Names are written
    // out where they matter.
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
  /// - Parameter take: Is lent the rows in parts, and then the line `\\.` that no row is; says
  ///   whether more is to come.
  func copy(_ statement: String, _ take: (RawSpan) -> Bool) throws(OperationsError) {
    guard try input.write(Array("\(statement)\n\\echo '\\\\.'\n".utf8)[...]) else { throw failure() }
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      let count = try output.read(into: &chunk)
      guard count > 0 else { throw failure() }
      guard take(unsafe chunk.span.bytes.extracting(first: count)) else { return }
    }
  }

  /// Sends a part of a script whose answers nobody wants.
  ///
  /// - Returns: Whether psql still reads; it does not after an error, which the next `run` throws.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool { try input.write(bytes) }

  /// From here on answers are thrown away, so that psql never waits for us to read them, or kept
  /// again.
  func discardAnswers(_ discards: Bool) throws(OperationsError) {
    _ = try input.write(Array((discards ? "\\o /dev/null\n" : "\\o\n").utf8)[...])
  }

  /// Runs a dump that is not trusted, and throws its answers away. Within it psql obeys nothing but
  /// SQL: the key that ends this is a secret of ours.
  ///
  /// - Parameter feed: Writes the dump, as `DumpScript` lets it pass; `write` says whether psql
  ///   still reads.
  func runRestricted(_ feed: () throws(OperationsError) -> Void) throws(OperationsError) {
    let key = ErasureLedger.hex(randomBytes(count: Self.restrictKeyBytes))
    try discardAnswers(true)
    guard try input.write(Array("\\restrict \(key)\n".utf8)[...]) else { throw failure() }
    try feed()
    _ = try input.write(Array("\n\\unrestrict \(key)\n".utf8)[...])
    try discardAnswers(false)
  }

  /// Bytes of the secret that ends the restricted mode, before it is written in hexadecimal digits.
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
