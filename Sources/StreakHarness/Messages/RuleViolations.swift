internal import ProtobufCodec

/// One change of a valid request, and its description.
struct Mutation: Sendable {
  /// For example `max_bytes`.
  let rule: String
  /// The field's path in the server's form.
  let path: FieldPath
  /// The list whose items the server judges one by one, if the field is in one.
  let judged: JudgedPlace?
  let apply: @Sendable (inout DynamicMessage) -> Void
}

/// An item of a list that the server judges item by item.
struct JudgedPlace: Sendable {
  let list: FieldSchema
  let index: Int
}

/// Finds every rule of every field in a request, and a value that breaks it.
struct RuleViolations {
  let schema: ServiceSchema
  private(set) var all: [Mutation] = []

  init(_ schema: ServiceSchema, of request: DynamicMessage) {
    self.schema = schema
    walk(request, FieldPath(), nil)
  }

  private mutating func walk(_ message: DynamicMessage, _ path: FieldPath, _ judged: JudgedPlace?) {
    let messageSchema = schema.message(message.type)
    for (index, oneof) in messageSchema.oneofs.enumerated() where oneof.mustBeSet {
      let members = messageSchema.fields.filter { $0.oneof == index }.map(\.number)
      all.append(
        Mutation(rule: "must_be_set", path: path.appending(oneof: oneof.name), judged: judged) { message in
          for number in members { message.fields[number] = nil }
        })
    }
    for field in messageSchema.fields {
      // A oneof's member that is not set cannot break its rules here; another item has it.
      if field.oneof != nil && message.fields[field.number] == nil { continue }
      breakRules(of: field, path.appending(field), judged)
      guard field.type == .message else { continue }
      let values = message.messages(field)
      for index in values.indices {
        let place = judged ?? (field.isJudgedApart && field.isRepeated ? JudgedPlace(list: field, index: index) : nil)
        // One item represents all, unless their oneofs differ.
        guard index == 0 || schema.message(field.typeName).oneofs.count > 0 else { break }
        walk(values[index], path.appending(field, index: field.isRepeated ? index : nil), place)
      }
    }
  }

  private mutating func breakRules(of field: FieldSchema, _ path: FieldPath, _ judged: JudgedPlace?) {
    let rules = field.rules
    func add(_ rule: String, _ values: [DynamicValue]) {
      all.append(
        Mutation(rule: rule, path: path, judged: judged) { message in
          message.fields[field.number] = values.isEmpty ? nil : values
        })
    }
    func text(_ count: Int) -> [DynamicValue] { [.bytes([UInt8](repeating: UInt8(ascii: "x"), count: count))] }
    if rules.required && field.oneof == nil { add("required", []) }
    if field.isText {
      if rules.uuid {
        add("uuid", text(15))
        add("uuid", text(17))
      }
      if rules.minBytes > 1 { add("min_bytes", text(rules.minBytes - 1)) }
      if rules.maxBytes > 0 { add("max_bytes", text(rules.maxBytes + 1)) }
    }
    if rules.maxItems > 0 {
      let item: DynamicValue =
        field.type == .message
        ? .message(DynamicMessage(field.typeName))
        : field.isText ? .bytes([UInt8](repeating: 1, count: 16)) : .number(1)
      add("max_items", [DynamicValue](repeating: item, count: rules.maxItems + 1))
    }
    if let range = rules.range {
      let isSmall = [.int32, .sint32, .sfixed32].contains(field.type)
      let isUnsigned = [.uint32, .fixed32, .uint64, .fixed64].contains(field.type)
      if range.lowerBound > (isUnsigned ? 0 : isSmall ? Int64(Int32.min) : .min) {
        add("range", [.number(range.lowerBound - 1)])
      }
      if range.upperBound < (isSmall ? Int64(Int32.max) : isUnsigned ? Int64(UInt32.max) : .max) {
        add("range", [.number(range.upperBound + 1)])
      }
      if isSmall && range.lowerBound > Int64(Int32.min) + 1 { add("range", [.number(Int64(Int32.min))]) }
    }
    if rules.definedOnly { add("defined_only", [.number(9_999)]) }
  }
}
