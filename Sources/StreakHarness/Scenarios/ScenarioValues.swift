internal import ProtobufCodec

/// Replaces a scenario's `"$..."` strings by values.
struct ScenarioValues {
  /// The scenario's ids, created at their first use, and the values of `save`.
  private(set) var named: [String: JSONValue] = [:]

  mutating func save(_ name: String, _ value: JSONValue) { named[name] = value }

  mutating func expand(_ value: JSONValue, _ device: ScenarioDevice, _ schema: ServiceSchema) throws -> JSONValue {
    switch value {
    case .string(let text) where text.hasPrefix("$"):
      return try evaluate(String(text.dropFirst()), device, schema)
    case .array(let items):
      var expanded: [JSONValue] = []
      for item in items {
        guard case .object(let members) = item, members.first?.name == "$for" else {
          expanded.append(try expand(item, device, schema))
          continue
        }
        expanded += try loop(members, device, schema)
      }
      return .array(expanded)
    case .object(let members):
      var expanded: [(String, JSONValue)] = []
      for member in members { expanded.append((member.name, try expand(member.value, device, schema))) }
      return .object(expanded)
    default: return value
    }
  }

  /// `{"$for": ["day", "today-9", "today"], "item": {...}}`: one item for each number, both ends
  /// included.
  private mutating func loop(
    _ members: [JSONValue.Member], _ device: ScenarioDevice, _ schema: ServiceSchema
  ) throws -> [JSONValue] {
    guard members.count == 2, case .array(let parts) = members[0].value, parts.count == 3,
      case .string(let name) = parts[0], case .string(let first) = parts[1], case .string(let last) = parts[2]
    else { throw HarnessError("$for must be [name, first, last], and be followed by an item") }
    var items: [JSONValue] = []
    let (from, to) = (try number(first, device), try number(last, device))
    guard from <= to, to - from < 10_000 else { throw HarnessError("$for from \(from) to \(to)") }
    for value in from...to {
      named[name] = .number("\(value)")
      items.append(try expand(members[1].value, device, schema))
    }
    return items
  }

  private mutating func evaluate(_ text: String, _ device: ScenarioDevice, _ schema: ServiceSchema) throws -> JSONValue
  {
    if text == "now" { return .object([("seconds", .number("\(device.nowMilliseconds / 1000)"))]) }
    if let inside = Self.argument(text, of: "at") {
      let parts = inside.split(separator: " ").map(String.init)
      let day = try number(parts.first ?? "", device)
      return device.localTime(day: day, minute: try parts.dropFirst().first.map { try Self.minutes($0) })
    }
    if let inside = Self.argument(text, of: "text"), let count = Int(inside), (0...20_000_000).contains(count) {
      return .string(String(repeating: "x", count: count))
    }
    if text == "email()" {
      let value = named[text] ?? .string(device.person.fresh(8).hexadecimal + "@example.com")
      named[text] = value
      return value
    }
    if text.hasPrefix("my.") {
      let kind = String(text.dropFirst(3))
      guard case .bytes(let bytes)? = device.person.value(kind) else { throw HarnessError("there is no \(kind)") }
      return .string(
        device.person.isText(kind) ? String(decoding: bytes, as: UTF8.self) : Base64.encode(bytes, padding: true))
    }
    if let value = try? number(text, device) { return .number("\(value)") }
    if let value = named[text] { return value }
    guard text.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
      throw HarnessError("$\(text) means nothing")
    }
    let value = JSONValue.string(Base64.encode(device.person.fresh(16), padding: true))
    named[text] = value
    return value
  }

  /// `today`, the name of a number, or a number; then optionally `+` or `-` and a number.
  private func number(_ text: String, _ device: ScenarioDevice) throws -> Int64 {
    var head = text[...]
    var addend: Int64 = 0
    if let sign = text.dropFirst().lastIndex(where: { $0 == "+" || $0 == "-" }) {
      guard let value = Int64(text[text.index(after: sign)...]) else { throw HarnessError("\(text) is no number") }
      addend = text[sign] == "+" ? value : -value
      head = text[..<sign]
    }
    if head == "today" { return device.today + addend }
    if let value = Int64(head) { return value + addend }
    if case .number(let digits) = named[String(head)], let value = Int64(digits) { return value + addend }
    throw HarnessError("\(text) is no number")
  }

  private static func argument(_ text: String, of function: String) -> String? {
    guard text.hasPrefix(function + "("), text.hasSuffix(")") else { return nil }
    return String(text.dropFirst(function.count + 1).dropLast())
  }

  /// Minutes of `HH:MM`.
  static func minutes(_ text: String) throws -> Int64 {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let hours = Int64(parts[0]), let minutes = Int64(parts[1]), (0..<60).contains(minutes)
    else {
      throw HarnessError("\(text) is not HH:MM")
    }
    return hours >= 0 && !parts[0].hasPrefix("-") ? hours * 60 + minutes : hours * 60 - minutes
  }
}
