import StreakClient

extension RecoveryView {
  var line: String {
    let standing: String =
      switch state {
      case .requested: "asked for, waits for the operator"
      case .ready: "ready: streak recover show \(shortID)"
      case .merged: "merged"
      case .cancelled: "given up, or over"
      case .failed(let reason): "failed: \(reason.plain)"
      case .unknown: "in a state that this version does not know"
      }
    return "\(shortID)  of \(moment(point.moment)): \(standing)"
  }

  private var shortID: String { String(id.description.prefix(8)) }
}

extension RecoveryPlan {
  /// The changes, one line for each habit.
  var lines: [String] {
    guard !habits.isEmpty else { return ["Nothing is missing: nothing would change."] }
    return habits.map { habit in
      var parts = [habit.returns ? "comes back" : "stays"]
      if !habit.daysReturning.isEmpty { parts.append("\(days(habit.daysReturning.count)) return") }
      if !habit.daysChanging.isEmpty { parts.append("\(days(habit.daysChanging.count)) change") }
      if !habit.daysConflicting.isEmpty { parts.append("\(habit.daysConflicting.count) notes differ and are offered") }
      return
        "\(habit.name.plain): \(parts.joined(separator: ", ")); streak \(habit.currentBefore) -> \(habit.currentAfter)"
    }
  }
}
