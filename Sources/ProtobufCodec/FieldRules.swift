/// The rules for a field's value. Source: protovalidate's options, whose names for
/// lengths differ by type: `min_len` and `max_len` of bytes are `minBytes` and `maxBytes` here.
public struct FieldRules: Sendable, Equatable {
  public var required: Bool
  public var uuid: Bool
  /// Bytes; 0 is no limit.
  public var minBytes: Int
  /// Bytes; 0 is no limit.
  public var maxBytes: Int
  /// Items of a list; 0 is no limit.
  public var maxItems: Int
  /// The receiver judges each item of the list by itself. So an item with text that cannot be read
  /// does not refuse the message: only the item's numbers are kept.
  public var judgesItemsApart: Bool
  public var range: ClosedRange<Int64>?
  public var definedOnly: Bool

  public init(
    required: Bool = false, uuid: Bool = false, minBytes: Int = 0, maxBytes: Int = 0, maxItems: Int = 0,
    judgesItemsApart: Bool = false, range: ClosedRange<Int64>? = nil, definedOnly: Bool = false
  ) {
    self.required = required
    self.uuid = uuid
    self.minBytes = minBytes
    self.maxBytes = maxBytes
    self.maxItems = maxItems
    self.judgesItemsApart = judgesItemsApart
    self.range = range
    self.definedOnly = definedOnly
  }

  /// Whether the rules allow a list of this length.
  @inlinable
  func allows(itemCount: Int) -> Bool { maxItems == 0 || itemCount <= maxItems }

  /// The violation of a list of this length.
  @usableFromInline
  func itemsText(itemCount: Int) -> String { "must have at most \(maxItems) items, has \(itemCount)" }
}

/// One rule that one value breaks.
public struct FieldViolation: Sendable, Equatable {
  /// The field's path, in the schema's names, such as `entries[3].note`.
  public var path: String
  /// The rule's name, such as `max_bytes`.
  public var rule: String
  /// The condition that must hold.
  public var description: String
}

/// Collects violations while generated code checks a message. Allocates nothing while all rules
/// hold.
public struct FieldViolations: Sendable {
  /// Most violations that are reported; checking stops there.
  public static let countMax = 100

  public private(set) var all: [FieldViolation] = []

  public init() {}

  /// Checks the length rules of a string or bytes value.
  @inlinable
  public mutating func check(_ name: StaticString, byteCount: Int, _ rules: FieldRules) {
    if byteCount == 0 {
      if rules.required { add(name, "required", "must not be empty") }
      return
    }
    if rules.uuid && byteCount != 16 { add(name, "uuid", "must have exactly 16 bytes, has \(byteCount)") }
    if byteCount < rules.minBytes {
      add(name, "min_bytes", "must have at least \(rules.minBytes) bytes, has \(byteCount)")
    }
    if rules.maxBytes > 0 && byteCount > rules.maxBytes {
      add(name, "max_bytes", "must have at most \(rules.maxBytes) bytes, has \(byteCount)")
    }
  }

  /// Checks the rules of a list.
  @inlinable
  public mutating func check(_ name: StaticString, itemCount: Int, _ rules: FieldRules) {
    if itemCount == 0 && rules.required { add(name, "required", "must not be empty") }
    if !rules.allows(itemCount: itemCount) { add(name, "max_items", rules.itemsText(itemCount: itemCount)) }
  }

  /// Checks the rules of a number.
  @inlinable
  public mutating func check(_ name: StaticString, number: Int64, _ rules: FieldRules) {
    if number == 0 && rules.required { add(name, "required", "must not be zero") }
    if let range = rules.range, !range.contains(number) {
      add(name, "range", "must lie in \(range.lowerBound)...\(range.upperBound), is \(number)")
    }
  }

  /// Checks the rules of an enum value.
  @inlinable
  public mutating func check(_ name: StaticString, value: Int32, isDefined: Bool, _ rules: FieldRules) {
    if value == 0 && rules.required { add(name, "required", "must be set") }
    if rules.definedOnly && !isDefined { add(name, "defined_only", "has no value \(value)") }
  }

  /// Checks that a required message is present.
  @inlinable
  public mutating func check(_ name: StaticString, isPresent: Bool, _ rules: FieldRules) {
    if rules.required && !isPresent { add(name, "required", "must be present") }
  }

  /// Checks a message inside this one.
  @inlinable
  public mutating func check<Message: ProtobufMessage>(_ name: StaticString, in message: Message?) {
    guard let message, all.count < Self.countMax else { return }
    let start = all.count
    message.collectViolations(&self)
    if all.count > start { nest(from: start, in: "\(name)") }
  }

  /// Checks each message of a list.
  @inlinable
  public mutating func check<Message: ProtobufMessage>(_ name: StaticString, inEach messages: [Message]) {
    for position in messages.indices {
      guard all.count < Self.countMax else { return }
      let start = all.count
      messages[position].collectViolations(&self)
      if all.count > start { nest(from: start, in: "\(name)[\(position)]") }
    }
  }

  /// Prefixes the paths of violations found inside a message with the path of its field.
  @usableFromInline
  mutating func nest(from start: Int, in path: String) {
    for index in start..<all.count { all[index].path = "\(path).\(all[index].path)" }
  }

  @usableFromInline
  mutating func add(_ name: StaticString, _ rule: StaticString, _ description: String) {
    guard all.count < Self.countMax else { return }
    all.append(FieldViolation(path: "\(name)", rule: "\(rule)", description: description))
  }
}
