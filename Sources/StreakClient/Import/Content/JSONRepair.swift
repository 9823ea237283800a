/// JSON text whose strings break the rules or whose objects have a member twice, made valid: one
/// damaged string does not make the whole document unreadable. Source: RFC 8259, sections 4 and 7.
struct JSONRepair {
  private(set) var utf8: [UInt8] = []
  private(set) var remarks: [ImportRemark] = []

  private let text: [UInt8]
  private var place = 0
  private var halves = 0
  private var controls = 0
  private var backslashes = 0
  /// The names of each open object's members; nil for an array.
  private var open: [Set<[UInt8]>?] = []
  private var repeated: [String] = []

  private static let (quote, backslash, space) = (UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: " "))
  private static let replacement = Array("\\ufffd".utf8)

  init(_ text: [UInt8]) {
    self.text = text
    utf8.reserveCapacity(text.count)
    var isString = false
    var start = 0
    while place < text.count {
      let byte = text[place]
      if isString, byte == Self.backslash {
        takeEscape()
        continue
      }
      if byte == Self.quote {
        if isString { endString(from: start) }
        isString.toggle()
        start = utf8.count + 1
      } else if !isString {
        takeBracket(byte)
      }
      if byte < 0x20, isString || ![0x09, 0x0A, 0x0D].contains(byte) {
        takeControl(byte)
      } else {
        utf8.append(byte)
      }
      place += 1
    }
    for (count, text) in [
      (halves, "halves of characters became the sign \u{FFFD}"),
      (controls, "control characters in texts were read as line feeds, tabs or spaces"),
      (backslashes, "backslashes in texts that are no escapes were read as they stand"),
    ] where count > 0 { remarks.append(ImportRemark(text, detail: "\(count) times")) }
    if !repeated.isEmpty {
      remarks.append(
        ImportRemark(
          "a member that an object has twice: only the first one is read",
          detail: ImportLimits.shown(repeated.joined(separator: ", "))))
    }
  }

  private mutating func takeBracket(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "{"): open.append([])
    case UInt8(ascii: "["): open.append(nil)
    case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
    default: break
    }
  }

  /// Renames a member whose name its object has already, before its closing quote.
  private mutating func endString(from start: Int) {
    let next = text[(place + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    guard next == UInt8(ascii: ":"), case .some(.some) = open.last, var names = open.removeLast() else { return }
    let name = Array(utf8[start...])
    if names.contains(name) { repeated.append(String(decoding: name, as: UTF8.self)) }
    while !names.insert(Array(utf8[start...])).inserted { utf8 += Array(" again".utf8) }
    open.append(names)
  }

  private mutating func takeControl(_ byte: UInt8) {
    controls += 1
    switch byte {
    case 0x09: utf8 += Array("\\t".utf8)
    case 0x0A: utf8 += Array("\\n".utf8)
    case 0x0D: utf8 += Array("\\r".utf8)
    default: utf8.append(Self.space)
    }
  }

  private mutating func takeEscape() {
    guard place + 1 < text.count else {
      utf8.append(text[place])
      place += 1
      return
    }
    let escape = text[place + 1]
    if escape == UInt8(ascii: "u") {
      if let unit = unit(at: place) { return take(unit) }
    } else if Array("\"\\/bfnrt".utf8).contains(escape) {
      utf8 += text[place..<(place + 2)]
      place += 2
      return
    }
    backslashes += 1
    utf8 += [Self.backslash, Self.backslash]
    place += 1
  }

  /// Takes an escaped UTF-16 unit, with the other half of its character.
  private mutating func take(_ unit: UInt16) {
    let isPair = UTF16.isLeadSurrogate(unit) && self.unit(at: place + 6).map(UTF16.isTrailSurrogate) ?? false
    if isPair || !UTF16.isSurrogate(unit) {
      let length = isPair ? 12 : 6
      utf8 += text[place..<(place + length)]
      place += length
    } else {
      halves += 1
      utf8 += Self.replacement
      place += 6
    }
  }

  /// The unit of an escape such as "\u00e9"; nil if there is none.
  private func unit(at place: Int) -> UInt16? {
    guard place + 6 <= text.count, text[place] == Self.backslash, text[place + 1] == UInt8(ascii: "u") else {
      return nil
    }
    let digits = text[(place + 2)..<(place + 6)]
    guard digits.allSatisfy({ UInt8(ascii: "+") != $0 && UInt8(ascii: "-") != $0 }) else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
