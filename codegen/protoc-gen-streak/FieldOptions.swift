import ProtobufCodec

/// The rules that a field's options state. Source of the numbers: proto/streak/v1/validate.proto.
struct FieldOptions {
  /// The Swift expression of the rules; nil: none.
  let expression: String?
  /// `ignore: IGNORE_ALWAYS`, of the field or of its items.
  let isJudgedApart: Bool

  init(_ options: WireMessage) throws {
    let rules = try options.message(1159)
    let list = try rules.message(18)
    let items = try list.message(4)
    isJudgedApart = rules.number(27) == 3 || items.number(27) == 3
    var arguments = rules.number(25) == 1 ? ["required: true"] : []
    for value in [rules, items] {
      let bytes = try value.message(15)
      let string = try value.message(14)
      if bytes.number(15) == 1 { arguments.append("uuid: true") }
      let length = bytes.number(13) ?? string.number(20)
      if let least = length ?? bytes.number(2) ?? string.number(4) { arguments.append("minBytes: \(least)") }
      if let greatest = length ?? bytes.number(3) ?? string.number(5) { arguments.append("maxBytes: \(greatest)") }
      if let range = try Self.range(value) { arguments.append("range: \(range)") }
      if try value.message(16).number(2) == 1 { arguments.append("definedOnly: true") }
    }
    if let count = list.number(2) { arguments.append("maxItems: \(count)") }
    if items.number(27) == 3 { arguments.append("judgesItemsApart: true") }
    expression = arguments.isEmpty ? nil : "FieldRules(\(arguments.joined(separator: ", ")))"
  }

  /// `gte...lte` of an integer's rules; nil: none.
  private static func range(_ value: WireMessage) throws -> String? {
    for number in [3, 4, 5, 6, 7] as [UInt32] {
      guard let rules = try value.messages(number).last else { continue }
      let bounds = [5, 3].map { rules.integer($0, isZigzag: number == 7) }
      guard bounds[0] <= bounds[1] else { throw GeneratorError("a range ends before it begins") }
      return "\(bounds[0])...\(bounds[1])"
    }
    return nil
  }
}
