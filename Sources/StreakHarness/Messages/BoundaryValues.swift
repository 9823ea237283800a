internal import ProtobufCodec

/// Finds the largest and smallest values that the rules of a request's fields allow.
struct BoundaryValues {
  /// Longer lists are built only if requested: they have megabytes.
  static let itemsMax = 1_000
  /// A shorter new value might repeat an earlier one.
  static let newBytesMin = 8

  let schema: ServiceSchema
  private let builder: RequestBuilder
  private(set) var all: [Mutation] = []

  init(_ schema: ServiceSchema, of request: DynamicMessage, by builder: RequestBuilder) {
    self.schema = schema
    self.builder = builder
    walk(request, FieldPath(), nil)
  }

  private mutating func walk(_ message: DynamicMessage, _ path: FieldPath, _ judged: JudgedPlace?) {
    for field in schema.message(message.type).fields {
      guard let values = message.fields[field.number], !values.isEmpty else { continue }
      addBoundaries(of: field, values, path.appending(field), judged)
      guard field.type == .message else { continue }
      let children = message.messages(field)
      for index in children.indices {
        guard index == 0 || schema.message(field.typeName).oneofs.count > 0 else { break }
        let place = judged ?? (field.isJudgedApart && field.isRepeated ? JudgedPlace(list: field, index: index) : nil)
        walk(children[index], path.appending(field, index: field.isRepeated ? index : nil), place)
      }
    }
  }

  private mutating func addBoundaries(
    of field: FieldSchema, _ values: [DynamicValue], _ path: FieldPath, _ judged: JudgedPlace?
  ) {
    let (rules, meaning) = (field.rules, field.meaning)
    func add(_ rule: String, _ values: [DynamicValue]) {
      all.append(Mutation(rule: rule, path: path, judged: judged) { $0.fields[field.number] = values })
    }
    if field.isRepeated, rules.maxItems > 0, rules.maxItems <= Self.itemsMax, field.type != .message {
      add("max_items", (0..<rules.maxItems).map { _ in builder.scalar(field) })
    }
    guard !field.isRepeated, meaning.constant.isEmpty, meaning.counts.isEmpty, meaning.kind.isEmpty || meaning.isNew
    else { return }
    switch field.type {
    case .string, .bytes:
      guard meaning.source == .free, !rules.uuid else { return }
      for (rule, count) in [("min_bytes", rules.minBytes), ("max_bytes", rules.maxBytes)] where count > 0 {
        guard !meaning.isNew || count >= Self.newBytesMin else { continue }
        add(rule, [builder.text(field, count: count)])
      }
    case .message, .bool: return
    default:
      guard [.free, .utcOffset, .dayStart].contains(meaning.source) else { return }
      for bound in rules.range.map({ [$0.lowerBound, $0.upperBound] }) ?? [] { add("range", [.number(bound)]) }
    }
  }
}
