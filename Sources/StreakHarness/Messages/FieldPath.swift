/// The path of a field inside a message.
struct FieldPath: Sendable, Hashable, CustomStringConvertible {
  struct Step: Sendable, Hashable {
    let name: String
    let number: UInt32
    /// The index in a list of messages.
    var index: Int?
  }

  var steps: [Step] = []

  func appending(_ field: FieldSchema, index: Int? = nil) -> FieldPath {
    var path = self
    path.steps.append(Step(name: field.name, number: field.number, index: index))
    return path
  }

  /// The path of a oneof, which is not a field.
  func appending(oneof name: String) -> FieldPath {
    var path = self
    path.steps.append(Step(name: name, number: 0, index: nil))
    return path
  }

  /// In the server's form, such as `entries[3].note`.
  var description: String {
    steps.map { step in step.name + (step.index.map { "[\($0)]" } ?? "") }.joined(separator: ".")
  }
}

extension DynamicMessage {
  /// Changes the message that holds the last step of `path`; without effect if it does not exist.
  mutating func update(_ path: ArraySlice<FieldPath.Step>, _ body: (inout DynamicMessage) -> Void) {
    guard path.count > 1, let step = path.first else { return body(&self) }
    let index = step.index ?? 0
    guard var values = fields[step.number], index < values.count, case .message(var child) = values[index] else {
      return
    }
    child.update(path.dropFirst(), body)
    values[index] = .message(child)
    fields[step.number] = values
  }

  mutating func update(_ path: FieldPath, _ body: (inout DynamicMessage) -> Void) { update(path.steps[...], body) }
}
