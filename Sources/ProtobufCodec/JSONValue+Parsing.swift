extension JSONValue {
  /// Reads one document.
  /// - Throws: `JSONError` with the byte offset of the fault.
  public init(parsing text: String) throws(JSONError) {
    let bytes = Array(text.utf8)
    self = unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(JSONError) in
      var cursor = unsafe JSONCursor(bytes, valuesMax: .max)
      do throws(JSONFault) { return try cursor.document() } catch { throw error.error }
    }
  }
}

extension JSONCursor {
  fileprivate mutating func document() throws(JSONFault) -> JSONValue {
    let document = try tree(nestingLeft: Self.nestingMax)
    skipSpace()
    guard isAtEnd else { throw fault("text after the document") }
    return document
  }

  private mutating func tree(nestingLeft: Int) throws(JSONFault) -> JSONValue {
    try beginValue(nestingLeft: nestingLeft)
    if take(UInt8(ascii: "{")) { return .object(try members(nestingLeft: nestingLeft - 1)) }
    if take(UInt8(ascii: "[")) { return .array(try items(nestingLeft: nestingLeft - 1)) }
    if current == UInt8(ascii: "\"") { return .string(try plain(try text())) }
    if takeWord("true") { return .bool(true) }
    if takeWord("false") { return .bool(false) }
    if takeWord("null") { return .null }
    return .number(try plain(Text(range: try number(), hasEscapes: false)))
  }

  private mutating func members(nestingLeft: Int) throws(JSONFault) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return members }
    repeat {
      let name = try plain(try name())
      guard names.insert(name).inserted else { throw fault("member \"\(name)\" stands twice") }
      members.append(JSONValue.Member(name: name, value: try tree(nestingLeft: nestingLeft)))
    } while try next(before: UInt8(ascii: "}"))
    return members
  }

  private mutating func items(nestingLeft: Int) throws(JSONFault) -> [JSONValue] {
    var items: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return items }
    repeat { items.append(try tree(nestingLeft: nestingLeft)) } while try next(before: UInt8(ascii: "]"))
    return items
  }

  private func plain(_ text: Text) throws(JSONFault) -> String {
    var bytes: [UInt8] = []
    try append(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
