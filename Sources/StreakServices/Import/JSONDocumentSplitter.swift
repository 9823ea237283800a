/// Splits a JSON object, whose members are plain values or arrays of records, into these pieces
/// while it arrives, with any indentation.
///
/// The splitter finds only where pieces begin and end: the reader of a piece parses it, and so
/// finds invalid JSON in it. A byte order mark before the object is skipped.
struct JSONDocumentSplitter {
  /// A piece of the object.
  enum Piece: Equatable {
    /// A member that is not an array: its name's literal, and its value's text.
    case member(name: String, [UInt8])
    /// A member that is an array begins.
    case array(name: String)
    /// One of its elements.
    case element([UInt8])
  }

  enum Problem: Error, Equatable {
    /// The byte at this offset of the document cannot come there.
    case unexpected(offset: Int)
    /// A piece is larger than the limit.
    case tooLarge
  }

  private enum Place {
    case start, firstName, name, inName, colon, value, inValue, elementOrEnd, element, inElement, memberEnd, end
  }

  private let pieceBytesMax: Int
  private var place = Place.start
  private var offset = 0
  private var name = ""
  private var piece: [UInt8] = []
  private var nesting = 0
  private var isInString = false
  private var isEscaped = false
  /// UTF-8's byte order mark, which may precede the object, and how much of it has arrived.
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
  private var markByteCount = 0

  init(pieceBytesMax: Int) {
    self.pieceBytesMax = pieceBytesMax
  }

  /// The object's end has arrived.
  var isAtEnd: Bool { place == .end }

  /// Takes the next bytes of the document.
  ///
  /// - Returns: The pieces that end in them.
  mutating func take(_ bytes: [UInt8]) throws(Problem) -> [Piece] {
    var found: [Piece] = []
    for byte in bytes {
      try take(byte, &found)
      offset += 1
    }
    return found
  }

  private mutating func take(_ byte: UInt8, _ found: inout [Piece]) throws(Problem) {
    switch place {
    case .inName:
      try collect(byte)
      guard !isInString else { return }
      name = String(decoding: piece.dropFirst().dropLast(), as: UTF8.self)
      piece = []
      place = .colon
      return
    case .inValue, .inElement:
      if isInString || nesting > 0 || !Self.endsValue(byte) { return try collect(byte) }
      found.append(place == .inValue ? .member(name: name, piece) : .element(piece))
      piece = []
      if place == .inValue { place = .memberEnd } else { place = .elementOrEnd }
      if Self.isSpace(byte) { return }
      return try afterPiece(byte, isElement: place == .elementOrEnd)
    default: break
    }
    if Self.isSpace(byte) { return }
    switch (place, byte) {
    case (.start, _)
    where offset < Self.byteOrderMark.count && markByteCount == offset && byte == Self.byteOrderMark[offset]:
      markByteCount += 1
    case (.start, UInt8(ascii: "{")) where markByteCount == 0 || markByteCount == Self.byteOrderMark.count:
      place = .firstName
    case (.firstName, UInt8(ascii: "}")), (.memberEnd, UInt8(ascii: "}")): place = .end
    case (.firstName, UInt8(ascii: "\"")), (.name, UInt8(ascii: "\"")):
      place = .inName
      try collect(byte)
    case (.colon, UInt8(ascii: ":")): place = .value
    case (.value, UInt8(ascii: "[")):
      found.append(.array(name: name))
      place = .element
      mayEnd = true
    case (.value, _) where !Self.endsValue(byte):
      place = .inValue
      try collect(byte)
    case (.element, UInt8(ascii: "]")) where mayEnd: place = .memberEnd
    case (.element, _) where !Self.endsValue(byte):
      mayEnd = false
      place = .inElement
      try collect(byte)
    case (.elementOrEnd, _): try afterPiece(byte, isElement: true)
    case (.memberEnd, UInt8(ascii: ",")): place = .name
    default: throw .unexpected(offset: offset)
    }
  }

  /// An array has just begun: it may be empty.
  private var mayEnd = false

  private mutating func afterPiece(_ byte: UInt8, isElement: Bool) throws(Problem) {
    switch (isElement, byte) {
    case (true, UInt8(ascii: ",")): place = .element
    case (true, UInt8(ascii: "]")): place = .memberEnd
    case (false, UInt8(ascii: ",")): place = .name
    case (false, UInt8(ascii: "}")): place = .end
    default: throw .unexpected(offset: offset)
    }
  }

  /// Adds a byte to the piece, and keeps track of strings and brackets.
  private mutating func collect(_ byte: UInt8) throws(Problem) {
    guard piece.count < pieceBytesMax else { throw .tooLarge }
    piece.append(byte)
    if isEscaped {
      isEscaped = false
    } else if isInString {
      if byte == UInt8(ascii: "\\") { isEscaped = true }
      if byte == UInt8(ascii: "\"") { isInString = false }
    } else {
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): nesting += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): nesting -= 1
      default: break
      }
    }
  }

  /// Whether a byte ends a value that is not nested in another one.
  private static func endsValue(_ byte: UInt8) -> Bool {
    isSpace(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }
}
