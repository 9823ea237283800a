/// Header fields that never change, so that sending them builds and copies nothing. The strings
/// live as long as the program.
public final class ConstantHeaders: Sendable {
  /// The fields, in order; names in lower case.
  public let fields: [(name: StaticString, value: StaticString)]

  public init(_ fields: [(name: StaticString, value: StaticString)]) { self.fields = fields }

  /// The same fields, to be changed.
  public var block: HeaderBlock {
    var block = HeaderBlock()
    for field in fields { block.append(name: "\(field.name)", value: "\(field.value)") }
    return block
  }
}
