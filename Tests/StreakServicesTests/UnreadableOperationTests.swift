import ProtobufCodec
import Schema
import SchemaConversion
import StreakDomain
import Testing

@Suite struct UnreadableOperationTests {
  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  /// An operation that writes a note.
  private static func operation(_ seq: UInt8, note: [UInt8]) -> [UInt8] {
    let time: [UInt8] = [0x11, 0, 0, 0, 0, 0, 0, 1, 0]
    return field(3, [0x08, seq] + time + field(8, field(1, [UInt8](repeating: 7, count: 16)) + field(3, note)))
  }

  @Test(
    "of an operation with text that cannot be read only the numbers are kept; the others are whole",
    arguments: [[0x61, 0, 0x62], [0xFF], [0xED, 0xA0, 0x80]])
  func apart(text: [UInt8]) throws {
    let bytes =
      Self.field(1, [UInt8](repeating: 9, count: 16)) + Self.operation(1, note: [0x61])
      + Self.operation(2, note: text) + Self.operation(3, note: [0x62])
    let request = try SyncRequest(protobufBytes: bytes)
    #expect(request.userId == [UInt8](repeating: 9, count: 16) && request.operations.map(\.seq) == [1, 2, 3])
    #expect(Set(request.operations.map(\.hybridTime)) == [1 << 48])
    let notes = request.operations.map { operation -> String? in
      if case .setNote(let note) = operation.change { note.note } else { nil }
    }
    #expect(notes == ["a", nil, "b"])
    #expect(StreakDomain.Operation(checking: request.operations[1]).change == .malformed)
    // The same bytes again are the same operation.
    #expect(try SyncRequest(protobufBytes: bytes) == request)
  }

  @Test("text of the request itself refuses all of it, and so do bytes that are no message")
  func whole() throws {
    let cut = Self.operation(1, note: [0]).dropLast(3)
    #expect(throws: DecodeError.self) { try SyncRequest(protobufBytes: Array(cut)) }
    // A message without items that are judged apart.
    let habit = Self.field(1, Self.field(2, [0x61, 0]))
    #expect(throws: DecodeError.containsNUL(field: "name")) { try PutHabitRequest(protobufBytes: habit) }
  }
}
