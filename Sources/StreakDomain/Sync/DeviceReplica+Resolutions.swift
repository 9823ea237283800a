/// A person's choices in conflicts.
extension DeviceReplica {
  /// The chosen value of a conflict.
  public struct ChosenValue: Equatable, Sendable {
    /// The value as a statement without a conflict.
    public var statement: Operation.Change
    /// The server has decided the resolution, at least once.
    public var isDecided: Bool

    public init(statement: Operation.Change, isDecided: Bool = false) {
      self.statement = statement
      self.isDecided = isDecided
    }
  }

  /// Adds the resolution of a conflict.
  /// - Parameter statement: The chosen value as a statement. It is shown until the server has
  ///   decided the resolution, and it is sent instead to a server that does not have the conflict.
  @discardableResult
  public mutating func resolve(
    _ resolution: Operation.Resolution, as statement: Operation.Change, at now: Instant
  ) -> Operation {
    let operation = make(.resolveConflict(resolution), at: now)
    resolutions[operation.time] = ChosenValue(statement: statement)
    unsaved.resolutions.insert(operation.time)
    return operation
  }

  /// What an operation states: a resolution states the chosen value of its conflict.
  public func meaning(of operation: Operation) -> Operation.Change {
    guard case .resolveConflict = operation.change else { return operation.change }
    return resolutions[operation.time]?.statement ?? operation.change
  }

  // MARK: Decided

  /// Records that the server has decided an operation.
  /// - Returns: For a resolution, the chosen value as it was before.
  mutating func noteDecided(_ operation: Operation) -> ChosenValue? {
    guard let chosen = resolutions[operation.time] else { return nil }
    if !chosen.isDecided {
      resolutions[operation.time]?.isDecided = true
      unsaved.resolutions.insert(operation.time)
    }
    return chosen
  }

  /// Whether the statement of a resolution is made after all, because the server does not have the
  /// conflict: it has lost the conflict, and may receive it again. Not if the person has stated
  /// something later, or if the resolution was decided before: then other devices bring the
  /// conflict again.
  func isStillChosen(_ chosen: ChosenValue) -> Bool {
    !chosen.isDecided
      && !queue.contains { operation in
        let later = meaning(of: operation)
        return later.habitID == chosen.statement.habitID && later.cellKey == chosen.statement.cellKey
      }
  }

  mutating func dropResolution(_ operation: Operation) {
    if resolutions.removeValue(forKey: operation.time) != nil { unsaved.resolutions.insert(operation.time) }
  }
}
