import Glibc
import GRPCSchema
import ProtobufCodec
import SplitMix
import TestSchema

/// Messages that follow from a seed.
extension SplitMix64 {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  /// Numbers that are often at the limits of their type.
  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
    switch Int.random(in: 0..<6, using: &self) {
    case 0: 0
    case 1: 1
    case 2: Number.max
    case 3: Number.min
    case 4: Number(truncatingIfNeeded: Int.random(in: -200...200, using: &self))
    default: Number.random(in: .min ... .max, using: &self)
    }
  }

  mutating func floating() -> Double {
    [0, -0.0, 1, -1.5, .infinity, -.infinity, 0.1, 1e300, -2.5e-10, 123_456_789][Int.random(in: 0..<10, using: &self)]
  }

  mutating func text() -> String {
    let letters: [Character] = ["a", "Z", " ", "\"", "\\", "é", "走", "🏃", "\n", "\u{7f}", "\u{301}"]
    return String((0..<Int.random(in: 0..<24, using: &self)).map { _ in self.choice(of: letters) })
  }

  mutating func bytes() -> [UInt8] { (0..<Int.random(in: 0..<24, using: &self)).map { _ in number(UInt8.self) } }

  mutating func list<Item>(_ make: (inout SplitMix64) -> Item) -> [Item] {
    chance(60) ? [] : (0..<Int.random(in: 1..<6, using: &self)).map { _ in make(&self) }
  }

  mutating func inner() -> Inner {
    Inner(
      number: number(Int32.self), text: text(), list: list { $0.number(Int32.self) },
      leaf: chance(40) ? Leaf(name: text(), data: bytes()) : nil)
  }

  mutating func color() -> Color { Color(rawValue: [0, 1, 5, -3, 77, .min][Int.random(in: 0..<6, using: &self)]) }

  mutating func message() -> AllTypes {
    var message = AllTypes()
    if chance(50) { message.fInt32 = number(Int32.self) }
    if chance(50) { message.fSint32 = number(Int32.self) }
    if chance(50) { message.fSfixed32 = number(Int32.self) }
    if chance(50) { message.fInt64 = number(Int64.self) }
    if chance(50) { message.fSint64 = number(Int64.self) }
    if chance(50) { message.fSfixed64 = number(Int64.self) }
    if chance(50) { message.fUint32 = number(UInt32.self) }
    if chance(50) { message.fFixed32 = number(UInt32.self) }
    if chance(50) { message.fUint64 = number(UInt64.self) }
    if chance(50) { message.fFixed64 = number(UInt64.self) }
    message.fBool = chance(50)
    message.fColor = color()
    message.fString = text()
    message.fBytes = bytes()
    if chance(40) { message.fInner = inner() }
    message.rInt32 = list { $0.number(Int32.self) }
    message.rSint64 = list { $0.number(Int64.self) }
    message.rFixed32 = list { $0.number(UInt32.self) }
    message.rDouble = list { $0.floating() }
    message.rBool = list { $0.chance(50) }
    message.rColor = list { $0.color() }
    message.rString = list { $0.text() }
    message.rBytes = list { $0.bytes() }
    message.rInner = list { $0.inner() }
    message.rUnpacked = list { $0.number(Int32.self) }
    switch Int.random(in: 0..<11, using: &self) {
    case 0: message.choice = .cInt32(number(Int32.self))
    case 1: message.choice = .cString(text())
    case 2: message.choice = .cBytes(bytes())
    case 3: message.choice = .cInner(inner())
    case 4: message.choice = .cColor(color())
    case 5: message.choice = .cBool(chance(50))
    case 6: message.choice = .cFloat(Float(floating()))
    case 7: message.choice = .cDouble(floating())
    default: break
    }
    for _ in 0..<Int.random(in: 0..<3, using: &self) {
      message.labels[["", "a", "key"][Int.random(in: 0..<3, using: &self)]] = text()
    }
    if chance(30) {
      message.fTimestamp = GoogleProtobufTimestamp(
        seconds: Int64.random(in: -62_135_596_800...253_402_300_799, using: &self),
        nanos: Int32.random(in: 0..<1_000_000_000, using: &self))
    }
    if chance(30) {
      message.fDuration = GoogleProtobufDuration(
        seconds: Int64.random(in: 0...315_576_000_000, using: &self), nanos: 500_000_000)
    }
    message.farAway = number(Int32.self)
    return message
  }

  /// Bytes of a message, or of several joined, or of one that was damaged.
  mutating func wire() -> [UInt8] {
    let kind = Int.random(in: 0..<10, using: &self)
    var base = message()
    // Google's parser drops a map entry that holds an unknown field. The format's description does
    // not require that, so entries are not damaged here.
    if kind >= 6 { base.labels = [:] }
    var bytes = base.protobufBytes()
    switch kind {
    case 0...2: break
    case 3: bytes += message().protobufBytes()  // merges
    case 4: bytes += [0xF8, 0x3F, 0x01, 0xFA, 0x3F, 0x02, 0x61, 0x62] + message().protobufBytes()  // unknown fields
    case 5: bytes += [0xFB, 0x3F, 0x08, 0x01, 0xFC, 0x3F]  // an unknown group
    case 6: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &self)))
    case 7:
      guard !bytes.isEmpty else { break }
      for _ in 0..<Int.random(in: 1...3, using: &self) {
        bytes[Int.random(in: bytes.indices, using: &self)] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      }
    case 8:
      // A field of any number with any wire type.
      bytes += [UInt8.random(in: 8...255, using: &self)] + (0..<4).map { _ in number(UInt8.self) }
    default:
      var inserted = message()
      inserted.labels = [:]
      let other = inserted.protobufBytes()
      bytes.insert(
        contentsOf: other.prefix(Int.random(in: 0...other.count, using: &self)),
        at: Int.random(in: 0...bytes.count, using: &self))
    }
    return bytes
  }
}
