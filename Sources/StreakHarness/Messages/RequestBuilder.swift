internal import EventLoop
internal import Cryptography
internal import ProtobufCodec
internal import SplitMix

/// Builds requests that must succeed, from the schema's rules and meanings and a person's existing
/// objects.
final class RequestBuilder {
  enum Form: Sendable {
    /// Only the required fields.
    case smallest
    /// Every field that may be set; for a list of messages with a oneof, one item per member.
    case full
  }

  /// Most levels of messages.
  static let depthMax = 12

  private let person: Person
  private let form: Form
  private var schema: ServiceSchema { person.schema }
  /// New values of this request, by kind.
  private var pending: [String: DynamicValue] = [:]

  init(_ person: Person, form: Form) {
    self.person = person
    self.form = form
  }

  func request(of method: MethodSchema) async throws -> DynamicMessage {
    var request = try await message(method.request, depth: 0)
    makeConsistent(&request)
    return request
  }

  /// - Parameter member: The index of the member that is set, in each oneof.
  func message(_ type: String, depth: Int, member: Int? = nil) async throws -> DynamicMessage {
    guard depth < Self.depthMax else { throw HarnessError("\(type) is nested deeper than \(Self.depthMax) levels.") }
    var message = DynamicMessage(type)
    let messageSchema = schema.message(type)
    var chosen: [Int: UInt32] = [:]
    for index in messageSchema.oneofs.indices where form == .full || messageSchema.oneofs[index].mustBeSet {
      let members = messageSchema.fields.filter { $0.oneof == index }
      guard !members.isEmpty else { continue }
      chosen[index] = members[(member ?? Int(person.randomness.next() >> 33)) % members.count].number
    }
    for field in messageSchema.fields {
      if let oneof = field.oneof {
        guard chosen[oneof] == field.number else { continue }
      } else {
        guard wants(field) else { continue }
      }
      if field.isRepeated {
        message.fields[field.number] = try await items(field, depth: depth)
      } else {
        message[field] = try await value(field, depth: depth)
      }
    }
    return message
  }

  private func wants(_ field: FieldSchema) -> Bool {
    if field.rules.required { return true }
    if let range = field.rules.range, !range.contains(0) { return true }
    return form == .full && field.meaning.source != .history && field.meaning.judges.isEmpty
  }

  /// The items of a list: one, or one per member of the item's oneof.
  private func items(_ field: FieldSchema, depth: Int) async throws -> [DynamicValue] {
    guard field.type == .message else { return [try await value(field, depth: depth)] }
    let members = schema.message(field.typeName).fields.filter { $0.oneof == 0 }.count
    var items: [DynamicValue] = []
    for member in 0..<(form == .full ? max(1, members) : 1) {
      items.append(.message(try await message(field.typeName, depth: depth + 1, member: member)))
    }
    return items
  }

  private func value(_ field: FieldSchema, depth: Int) async throws -> DynamicValue {
    let meaning = field.meaning
    if !meaning.constant.isEmpty { return .bytes(Array(meaning.constant.utf8)) }
    if !meaning.kind.isEmpty, !meaning.isNew {
      if let value = pending[meaning.kind] { return value }
      try await person.ensure(meaning.kind)
      if let value = person.value(meaning.kind) { return value }
    }
    if meaning.source == .now { return .message(now(field.typeName)) }
    if field.type == .message { return .message(try await message(field.typeName, depth: depth + 1)) }
    let value = scalar(field)
    if meaning.isNew { pending[meaning.kind] = value }
    return value
  }

  /// `google.protobuf.Timestamp`.
  private func now(_ type: String) -> DynamicMessage {
    var message = DynamicMessage(type)
    message.fields[1] = [.number(WallClock.nowMilliseconds / 1000)]
    return message
  }

  func scalar(_ field: FieldSchema) -> DynamicValue {
    let rules = field.rules
    switch field.type {
    case .string, .bytes:
      if field.meaning.source == .email {
        return .bytes(Array("\(person.canary).\(person.fresh(4).hexadecimal)@example.com".utf8))
      }
      let upper = rules.maxBytes > 0 ? rules.maxBytes : 64
      return text(field, count: rules.uuid ? 16 : max(rules.minBytes, min(upper, 32)))
    case .bool: return .number(1)
    case .enumeration:
      let values = (schema.enums[field.typeName] ?? [:]).keys.filter { $0 != 0 }.sorted()
      return .number(values.isEmpty ? 0 : values[Int(person.randomness.next() >> 33) % values.count])
    default:
      if field.meaning.source == .hybridNow { return .number(WallClock.nowMilliseconds << 16) }
      let range = rules.range ?? 0...100
      return .number(Int64.random(in: range, using: &person.randomness))
    }
  }

  /// A string or bytes of a given length; a string begins with as much of the canary as fits.
  func text(_ field: FieldSchema, count: Int) -> DynamicValue {
    if field.type == .bytes { return .bytes(person.fresh(count)) }
    let text = field.meaning.isNew ? [] : Array(person.canary.utf8.prefix(count))
    return .bytes(text + person.fresh(max(0, count - text.count)).map { 97 + $0 % 26 })
  }

  // MARK: Values that depend on others

  /// Makes dependent values consistent; does not change the value at `except`.
  func makeConsistent(_ message: inout DynamicMessage, except: FieldPath? = nil) {
    var number = person.lastNumber
    setDependentValues(&message, FieldPath(), except, &number)
    setCounts(&message, parent: nil, FieldPath(), except)
  }

  /// Sets only the counts and hashes of other values in the request: the scenario decides the rest.
  func setManifests(_ message: inout DynamicMessage) { setCounts(&message, parent: nil, FieldPath(), nil) }

  private func forEachChild(
    _ message: inout DynamicMessage, _ path: FieldPath, _ body: (inout DynamicMessage, FieldPath) -> Void
  ) {
    for field in schema.message(message.type).fields where field.type == .message {
      guard var values = message.fields[field.number] else { continue }
      for index in values.indices {
        guard case .message(var child) = values[index] else { continue }
        body(&child, path.appending(field, index: field.isRepeated ? index : nil))
        values[index] = .message(child)
      }
      message.fields[field.number] = values
    }
  }

  private func setDependentValues(
    _ message: inout DynamicMessage, _ path: FieldPath, _ except: FieldPath?, _ number: inout Int64
  ) {
    forEachChild(&message, path) { child, path in setDependentValues(&child, path, except, &number) }
    for field in schema.message(message.type).fields where path.appending(field) != except {
      switch field.meaning.source {
      case .nextNumber:
        number += 1
        message[field] = .number(number)
      case .day: if message[field] != nil, let day = day(beside: message) { message[field] = .number(day) }
      default: break
      }
    }
  }

  /// The day of the local time in a message.
  private func day(beside message: DynamicMessage) -> Int64? {
    for field in schema.message(message.type).fields where field.type == .message && !field.isRepeated {
      guard let clientTime = message.messages(field).first else { continue }
      let parts = schema.message(clientTime.type).fields
      guard let now = parts.first(where: { $0.meaning.source == .now }),
        parts.contains(where: { $0.meaning.source == .utcOffset }),
        let moment = clientTime.messages(now).first, case .number(var seconds) = moment.fields[1]?.first
      else { continue }
      for part in parts {
        guard case .number(let value) = clientTime[part] else { continue }
        if part.meaning.source == .utcOffset { seconds += value }
        if part.meaning.source == .dayStart { seconds -= value * 60 }
      }
      return seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    }
    return nil
  }

  private func setCounts(
    _ message: inout DynamicMessage, parent: DynamicMessage?, _ path: FieldPath, _ except: FieldPath?
  ) {
    // From the inside out: a hash covers the values that were set before it.
    let itself = message
    forEachChild(&message, path) { child, path in setCounts(&child, parent: itself, path, except) }
    for field in schema.message(message.type).fields where path.appending(field) != except {
      if !field.meaning.counts.isEmpty {
        let holder = [parent, itself].compactMap { $0 }.first {
          schema.message($0.type).field(named: field.meaning.counts)?.isRepeated == true
        }
        guard let holder, let list = schema.message(holder.type).field(named: field.meaning.counts) else { continue }
        message[field] = .number(Int64(holder.fields[list.number]?.count ?? 0))
      }
      if field.meaning.source == .captureHash, message[field] != nil, let parent {
        message[field] = .bytes(CaptureHash.of(parent, schema))
      }
    }
  }
}

/// The hash of a capture. Source: proto/streak/v1/migration.proto, `CaptureManifest`.
enum CaptureHash {
  static func of(_ captured: DynamicMessage, _ schema: ServiceSchema) -> [UInt8] {
    var bytes = Array("streak.v1.capture.1\0".utf8)
    func integer(_ value: Int64, _ count: Int) {
      for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> Int64(index * 8))) }
    }
    func text(_ value: [UInt8]) {
      integer(Int64(value.count), 4)
      bytes += value
    }
    let habits = captured.messages("habits", schema)
    integer(Int64(habits.count), 4)
    for captured in habits {
      let habit = captured.message("habit", schema) ?? DynamicMessage("streak.v1.Habit")
      bytes += habit.bytes("id", schema)
      text(habit.bytes("name", schema))
      text(habit.bytes("description", schema))
      integer(habit.number("color", schema), 4)
      integer(habit.number("position", schema), 4)
      integer(habit.number("archived", schema), 1)
    }
    let entries = captured.messages("entries", schema)
    integer(Int64(entries.count), 4)
    for entry in entries {
      let clientTime = entry.message("client_time", schema) ?? DynamicMessage("streak.v1.LocalTime")
      let moment = clientTime.message("occurred_at", schema)
      bytes += entry.bytes("habit_id", schema)
      integer(entry.number("day", schema), 4)
      integer(entry.number("done", schema), 1)
      integer(moment?.number("seconds", schema) ?? 0, 8)
      integer(moment?.number("nanos", schema) ?? 0, 4)
      integer(clientTime.number("utc_offset_seconds", schema), 4)
      integer(clientTime.number("day_start_minutes", schema), 4)
      text(clientTime.bytes("zone", schema))
      text(entry.bytes("note", schema))
    }
    return SHA256.digest(of: bytes)
  }
}
