import Synchronization

/// One SQL statement of the program, prepared on first use on each connection under a name made of
/// its number.
///
/// Make each one once, as a `static let`: the number is an index into a table that every connection
/// keeps.
public final class Statement: Sendable {
  /// Whether the statement may share a transaction and may be repeated.
  public enum Access: Sendable {
    /// Only reads. May share an implicit transaction with other calls' reads and is run again after
    /// a broken connection.
    case read
    /// May write: a transaction of its own, and never run twice.
    case write
  }

  /// One statement, with `$1`, `$2`, ... for parameters.
  public let text: String
  public let access: Access
  /// Dense, from 0; nil for text that is parsed anew each time.
  let index: Int?
  /// The prepared statement's name on the server; empty for the unnamed one.
  let name: String

  /// The place in the source and the first words, for the log.
  public var label: String {
    let words = text.split(whereSeparator: \.isWhitespace).prefix(Self.labelWordsMax).joined(separator: " ")
    return "\(place) (\(words.prefix(Self.labelCharactersMax)))"
  }

  private let place: String
  private static let labelWordsMax = 8
  private static let labelCharactersMax = 80
  private static let count = Atomic<Int>(0)

  public init(_ access: Access, _ text: String, file: StaticString = #fileID, line: UInt = #line) {
    let index = Self.count.wrappingAdd(1, ordering: .relaxed).oldValue
    self.text = text
    self.access = access
    self.index = index
    self.name = "s\(index)"
    place = "\(file):\(line)"
  }

  /// A statement that is not prepared, because it runs rarely, such as LISTEN.
  init(unprepared text: String, file: StaticString = #fileID, line: UInt = #line) {
    place = "\(file):\(line)"
    self.text = text
    access = .write
    index = nil
    name = ""
  }
}

/// A statement with its parameters.
public struct BoundStatement: Sendable {
  public let statement: Statement
  public let parameters: [PostgresValue]

  public init(_ statement: Statement, _ parameters: PostgresValue...) {
    self.init(statement: statement, parameters: parameters)
  }

  public init(statement: Statement, parameters: [PostgresValue]) {
    self.statement = statement
    self.parameters = parameters
  }
}

/// Statements that take effect together or not at all, in one round trip (one implicit
/// transaction).
public struct Batch: Sendable {
  var steps: [BoundStatement] = []

  public init() {}

  public var count: Int { steps.count }

  /// Adds a statement; they run in the order of adding.
  public mutating func append(_ statement: Statement, _ parameters: PostgresValue...) {
    steps.append(BoundStatement(statement: statement, parameters: parameters))
  }

  /// Adds a statement with its parameters.
  public mutating func append(_ step: BoundStatement) {
    steps.append(step)
  }
}

/// A SELECT whose rows are read in chunks inside a transaction, so that only one chunk is in
/// memory.
public struct CursorStatement: Sendable {
  let declare: Statement
  let fetch: Statement
  let close: Statement
  /// Rows per chunk.
  public let rowsPerChunk: Int

  private static let count = Atomic<Int>(0)

  /// Make each one once, as a `static let`.
  public init(_ select: String, rowsPerChunk: Int, file: StaticString = #fileID, line: UInt = #line) {
    precondition(rowsPerChunk > 0)
    let name = "cursor\(Self.count.wrappingAdd(1, ordering: .relaxed).oldValue)"
    declare = Statement(.write, "declare \(name) no scroll cursor for \(select)", file: file, line: line)
    fetch = Statement(.write, "fetch forward \(rowsPerChunk) from \(name)", file: file, line: line)
    close = Statement(.write, "close \(name)", file: file, line: line)
    self.rowsPerChunk = rowsPerChunk
  }
}
