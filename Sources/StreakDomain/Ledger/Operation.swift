/// One absolute change made on a device.
public struct Operation: Hashable, Sendable {
  /// Its place among the device's operations, from 1 without gaps.
  public var seq: Int64
  /// When it was made, by the device's hybrid clock.
  public var time: HybridTime
  /// The sources that the device knew when it was made, besides its own operations.
  public var seen: SeenStatements
  public var change: Change

  public init(seq: Int64, time: HybridTime, seen: SeenStatements, change: Change) {
    self.seq = seq
    self.time = time
    self.seen = seen
    self.change = change
  }

  /// The change that an operation states.
  public enum Change: Hashable, Sendable {
    case setCompletion(Completion)
    case setNote(Note)
    case editHabit(HabitEdit)
    case deleteHabit(Identifier)
    indirect case resolveConflict(Resolution)
    /// Minutes after midnight at which the person's day begins.
    case setDayStart(Int32)
    /// A change that this program does not understand or that is invalid: it is rejected, so that
    /// it does not block the queue.
    case malformed
  }

  /// "Day D of habit H is done", or "is not done".
  public struct Completion: Hashable, Sendable {
    public var habitID: Identifier
    public var day: Day
    public var done: Bool
    /// The day's note; nil, like empty text, states none. Ignored if `done` is false.
    public var note: String?
    public var clientTime: ClientTime
    /// If `done` is false: the completions that are taken back. Nil, like an empty list: all that
    /// the author knew.
    public var undone: [StatementID]?
    /// The habit that it was stated of, if that has become a part of this one.
    var joinedFrom: Identifier?

    public init(
      habitID: Identifier, day: Day, done: Bool, note: String? = nil, clientTime: ClientTime,
      undone: [StatementID]? = nil
    ) {
      self.habitID = habitID
      self.day = day
      self.done = done
      self.note = note == "" ? nil : note
      self.clientTime = clientTime
      self.undone = undone?.isEmpty == true ? nil : undone
    }
  }

  /// The note of a day; empty text clears it.
  public struct Note: Hashable, Sendable {
    public var habitID: Identifier
    public var day: Day
    public var text: String
    public var clientTime: ClientTime

    public init(habitID: Identifier, day: Day, text: String, clientTime: ClientTime) {
      self.habitID = habitID
      self.day = day
      self.text = text
      self.clientTime = clientTime
    }
  }

  /// Makes a habit, or changes some of its fields.
  public struct HabitEdit: Hashable, Sendable {
    public var habitID: Identifier
    /// The values; for an existing habit only those of `changed` are used.
    public var fields: HabitFields
    public var changed: Set<HabitField>

    public init(habitID: Identifier, fields: HabitFields, changed: Set<HabitField> = Set(HabitField.allCases)) {
      self.habitID = habitID
      self.fields = fields
      self.changed = changed
    }
  }

  /// States the chosen value of a conflict.
  public struct Resolution: Hashable, Sendable {
    public var noticeID: Identifier
    /// True takes the losing value.
    public var takesLosing: Bool
    /// The chosen value as a statement about a day or habit: it is decided also where the notice
    /// does not exist (any more, or yet). Nil: the value is that of the notice.
    public var statement: Change?

    public init(noticeID: Identifier, takesLosing: Bool, statement: Change? = nil) {
      self.noticeID = noticeID
      self.takesLosing = takesLosing
      self.statement = statement
    }
  }

  /// The habit it is about, if it names one.
  public var habitID: Identifier? { change.habitID }
  /// The cell it is about, if it is about one.
  public var cellKey: CellKey? { change.cellKey }
}

extension Operation.Change {
  /// What it states: of a resolution, the chosen value, if it names one.
  public var stated: Self {
    if case .resolveConflict(let resolution) = self, let statement = resolution.statement { statement } else { self }
  }

  /// The same change with the new names of completions that it takes back. The former names stay:
  /// the server may have received them.
  func namingUndone(asWell renamed: [StatementID: StatementID]) -> Self {
    switch self {
    case .setCompletion(var completion):
      guard let undone = completion.undone else { return self }
      let names = undone.compactMap { renamed[$0] } + undone
      completion.undone = Set(names.prefix(DayStatements.undoneMax)).sorted()
      return .setCompletion(completion)
    case .resolveConflict(var resolution):
      resolution.statement = resolution.statement?.namingUndone(asWell: renamed)
      return .resolveConflict(resolution)
    case .setNote, .editHabit, .deleteHabit, .setDayStart, .malformed: return self
    }
  }

  /// The habit it is about, if it names one.
  public var habitID: Identifier? {
    switch self {
    case .setCompletion(let completion): completion.habitID
    case .setNote(let note): note.habitID
    case .editHabit(let edit): edit.habitID
    case .deleteHabit(let habitID): habitID
    case .resolveConflict(let resolution): resolution.statement?.habitID
    case .setDayStart, .malformed: nil
    }
  }

  /// The cell it is about, if it is about one.
  public var cellKey: CellKey? {
    switch self {
    case .setCompletion(let completion): CellKey(habitID: completion.habitID, day: completion.day)
    case .setNote(let note): CellKey(habitID: note.habitID, day: note.day)
    case .resolveConflict(let resolution): resolution.statement?.cellKey
    case .editHabit, .deleteHabit, .setDayStart, .malformed: nil
    }
  }
}

/// The decision about an operation.
public struct OperationOutcome: Hashable, Sendable {
  public enum Status: Int16, Hashable, Sendable, CaseIterable {
    /// It was applied, perhaps without a change.
    case applied = 1
    /// It was concurrent with another statement that won; its value is in a conflict.
    case superseded = 2
    /// It breaks a rule; it is in the inbox.
    case rejected = 3
  }

  public var seq: Int64
  public var status: Status
  /// Nil unless rejected, or applied without its note (`textQuota`).
  public var rejection: Reason?
  /// The change number that it was given; 0 if it changed nothing.
  public var changeNumber: Int64
  /// The current status of a completion's day; nil for other operations.
  public var trust: CellTrust?
  /// The conflict that it caused, if any.
  public var noticeID: Identifier?

  public init(
    seq: Int64, status: Status, rejection: Reason? = nil, changeNumber: Int64 = 0,
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
