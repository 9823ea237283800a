internal import EventLoop
internal import ProtobufCodec
internal import SplitMix

extension MethodChecks {
  /// Requests with several invalid fields at once. Every reply must be a documented one, other
  /// users' data must not change, and the sender's next valid request must succeed.
  func checkFuzz() async throws {
    guard needsPerson, !method.serverStreams else { return }
    let hasQueue = schema.message(method.request).fields.contains { $0.isJudgedApart }
    let rounds = hasQueue ? settings.fuzzRounds * 4 : settings.fuzzRounds
    guard rounds > 0, schema.message(method.request).fields.count > 0 else { return }
    let witness = try await shared.witness()
    let before = try await witness.snapshot()
    newPerson()
    for round in 0..<rounds {
      if hasQueue || method.effects.endsCredentials { newPerson() }
      var request = try await RequestBuilder(person, form: .full).request(of: method)
      var random = SplitMix64(seed: settings.seed &+ UInt64(round), name: method.path + " fuzz")
      for _ in 0..<Int(random.next() >> 33 % 3) + 1 { corrupt(&request, &random) }
      try await check("fuzz, round \(round)", request, .anythingTyped)
      guard hasQueue else { continue }
      // The queue continues with the number that the server expects.
      let valid = try await RequestBuilder(person, form: .full).request(of: method)
      try await check("a valid request after fuzz, round \(round)", valid, .success)
    }
    let after = try await witness.snapshot()
    let changed = before.keys.filter { before[$0] != after[$0] }.sorted()
    if changed.isEmpty {
      pass("fuzz does not reach another person")
    } else {
      fail(
        "fuzz does not reach another person", expected: "what read-only methods show a witness to stay",
        actual: "changed: \(changed.joined(separator: ", "))", request: "all requests above", credentials: credentials)
    }
    newPerson()
  }

  /// Changes one field of the message to an invalid value.
  private func corrupt(_ message: inout DynamicMessage, _ random: inout SplitMix64) {
    let fields = schema.message(message.type).fields.filter { message.fields[$0.number] != nil || $0.type != .message }
    guard !fields.isEmpty else { return }
    let field = fields[Int(random.next() >> 33) % fields.count]
    if field.type == .message, var values = message.fields[field.number], !values.isEmpty, random.next() >> 33 % 8 != 0
    {
      let index = Int(random.next() >> 33) % values.count
      if case .message(var child) = values[index] {
        corrupt(&child, &random)
        values[index] = .message(child)
        message.fields[field.number] = values
      }
      return
    }
    message.fields[field.number] = Self.invalidValues(field, &random)
  }

  private static func invalidValues(_ field: FieldSchema, _ random: inout SplitMix64) -> [DynamicValue]? {
    switch field.type {
    case .message: return nil
    case .string, .bytes:
      let texts: [[UInt8]] = [
        [], [0x20], Array("\u{0}".utf8), random.bytes(16).map { $0 & 0x7F }, [UInt8](repeating: 0x61, count: 5_000),
        Array("e\u{301}\u{202E}\u{FEFF}\u{10FFFF}".utf8), Array("' OR 1=1; --".utf8),
      ]
      return [.bytes(texts[Int(random.next() >> 33) % texts.count])]
    default:
      let numbers: [Int64] = [
        0, 1, -1, 2, .max, .min, Int64(Int32.max), Int64(Int32.min), 1 << 53, (1 << 53) + 1, 1 << 62,
        WallClock.nowMilliseconds << 16 &+ (Int64(90_000) << 16), (WallClock.nowMilliseconds + 864_000_000) << 16,
        20_000,
        2_932_897,
        Int64(truncatingIfNeeded: random.next()),
      ]
      return [.number(numbers[Int(random.next() >> 33) % numbers.count])]
    }
  }
}
