/// One absolute change made on a device.
public struct Operation: Hashable, Sendable {
  /// Its place among the device's operations, from 1 without gaps.
  public var seq: Int64
  /// When it was made, by the device's hybrid clock.
  public var time: HybridTime
  /// What the device had seen of the person's data when it was made.
  public var seen: Cursor
  public var change: Change

  public init(seq: Int64, time: HybridTime, seen: Cursor, change: Change) {
    self.seq = seq
    self.time = time
    self.seen = seen
    self.change = change
  }

  /// What an operation states.
  public enum Change: Hashable, Sendable {
    case setCompletion(Completion)
    case editHabit(HabitEdit)
    case deleteHabit(Identifier)
    case resolveConflict(Resolution)
    /// Something that this program does not understand or that cannot be: rejected, so that it blocks nothing.
    case malformed
  }

  /// "Day D of habit H is done, note N", or "is not done" (the note then stays as it is).
  public struct Completion: Hashable, Sendable {
    public var habitID: Identifier
    public var day: Day
    public var done: Bool
    public var note: String
    public var made: LocalTime

    public init(habitID: Identifier, day: Day, done: Bool, note: String = "", made: LocalTime) {
      self.habitID = habitID
      self.day = day
      self.done = done
      self.note = note
      self.made = made
    }
  }

  /// Makes a habit, or changes some of its fields.
  public struct HabitEdit: Hashable, Sendable {
    public var habitID: Identifier
    /// The values; only those of `changed` matter for a habit that exists.
    public var fields: HabitFields
    public var changed: Set<HabitField>

    public init(habitID: Identifier, fields: HabitFields, changed: Set<HabitField> = Set(HabitField.allCases)) {
      self.habitID = habitID
      self.fields = fields
      self.changed = changed
    }
  }

  /// Picks a side of a conflict.
  public struct Resolution: Hashable, Sendable {
    public var noticeID: Identifier
    /// The value that was not kept is to hold after all.
    public var takesOther: Bool

    public init(noticeID: Identifier, takesOther: Bool) {
      self.noticeID = noticeID
      self.takesOther = takesOther
    }
  }

  /// The habit it is about, if it names one.
  public var habitID: Identifier? {
    switch change {
    case .setCompletion(let completion): completion.habitID
    case .editHabit(let edit): edit.habitID
    case .deleteHabit(let habitID): habitID
    case .resolveConflict, .malformed: nil
    }
  }
}

/// What became of an operation.
public struct OperationOutcome: Hashable, Sendable {
  public enum Status: Int16, Hashable, Sendable {
    /// It holds (also if it changed nothing because all was so already).
    case applied = 1
    /// It was concurrent with another edit that was kept; its value is in a conflict.
    case superseded = 2
    /// It breaks a rule; it is in the inbox.
    case rejected = 3
  }

  public var seq: Int64
  public var status: Status
  /// Nil unless rejected.
  public var rejection: OperationRejection?
  /// The change number that it was given; 0 if it changed nothing.
  public var changeNumber: Int64
  /// What a completion's day is worth now; nil for other operations.
  public var trust: CellTrust?
  /// The conflict it made, if it made one.
  public var noticeID: Identifier?

  public init(
    seq: Int64, status: Status, rejection: OperationRejection? = nil, changeNumber: Int64 = 0,
    trust: CellTrust? = nil, noticeID: Identifier? = nil
  ) {
    self.seq = seq
    self.status = status
    self.rejection = rejection
    self.changeNumber = changeNumber
    self.trust = trust
    self.noticeID = noticeID
  }
}

/// Why an operation is rejected. The raw value is the reason clients see.
public enum OperationRejection: String, Error, Sendable, CaseIterable {
  case malformed = "INVALID_FIELD"
  case futureDay = "FUTURE_DAY"
  case dayMismatch = "DAY_MISMATCH"
  case daySealed = "DAY_SEALED"
  case cellNotFound = "CELL_NOT_FOUND"
  case habitNotFound = "HABIT_NOT_FOUND"
  /// The device's clock is a day or more ahead.
  case clockSkew = "CLOCK_SKEW"
  /// It claims to have seen a change that has not happened.
  case changeUnknown = "CHANGE_UNKNOWN"
  case habitLimit = "HABIT_LIMIT"
  case conflictNotFound = "CONFLICT_NOT_FOUND"

  init(_ rejection: EntryRejection) {
    self =
      switch rejection {
      case .futureDay: .futureDay
      case .dayMismatch: .dayMismatch
      case .daySealed: .daySealed
      case .cellNotFound: .cellNotFound
      case .habitNotFound: .habitNotFound
      case .malformed: .malformed
      }
  }
}
