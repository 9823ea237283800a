internal import struct StreakDomain.Instant

/// Writes the fields of a small record one after the other: numbers big-endian, bytes and text
/// after their length in 4 bytes.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: some FixedWidthInteger) {
    for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  /// In milliseconds since 1970.
  mutating func append(_ instant: Instant) { append(instant.milliseconds) }

  mutating func append(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func append(_ value: [UInt8]) {
    append(UInt32(truncatingIfNeeded: value.count))
    bytes += value
  }

  mutating func append(_ text: String) { append(Array(text.utf8)) }
}

/// Reads a record of `RecordWriter`. Additional fields at the end, from a later version, are
/// ignored.
struct RecordReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws(StorageError) -> Number {
    try take(Number.bitWidth / 8).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  mutating func instant() throws(StorageError) -> Instant { Instant(milliseconds: try number()) }

  mutating func bool() throws(StorageError) -> Bool { try number(UInt8.self) != 0 }

  mutating func bytes() throws(StorageError) -> [UInt8] { Array(try take(Int(try number(UInt32.self)))) }

  mutating func text() throws(StorageError) -> String { String(decoding: try bytes(), as: UTF8.self) }

  private mutating func take(_ count: Int) throws(StorageError) -> ArraySlice<UInt8> {
    guard rest.count >= count else { throw StorageError("a record is cut short") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
