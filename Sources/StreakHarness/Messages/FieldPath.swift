/// Where a field is inside a message.
struct FieldPath: Sendable, Hashable, CustomStringConvertible {
  struct Step: Sendable, Hashable {
    let name: String
    let number: UInt32
    /// In a list of messages.
    var index: Int?
  }

  var steps: [Step] = []

  func appending(_ field: FieldSchema, index: Int? = nil) -> FieldPath {
    var path = self
    path.steps.append(Step(name: field.name, number: field.number, index: index))
    return path
  }

  /// For a place that is no field: a oneof.
  func appending(oneof name: String) -> FieldPath {
    var path = self
    path.steps.append(Step(name: name, number: 0, index: nil))
    return path
  }

  /// As the server names it, such as `entries[3].note`.
  var description: String {
    steps.map { step in step.name + (step.index.map { "[\($0)]" } ?? "") }.joined(separator: ".")
  }
}

extension DynamicMessage {
  /// Changes the message that holds the last step of `path`. Nothing happens where there is none.
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
