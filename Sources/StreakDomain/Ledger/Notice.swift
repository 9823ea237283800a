internal import Cryptography

/// A message that every device of a person shows until it acknowledges it: a conflict, or a
/// repaired streak.
public struct Notice: Hashable, Sendable {
  public enum Kind: Int16, Hashable, Sendable, CaseIterable {
    /// Two notes of one day; one was kept.
    case noteConflict = 1
    /// Done on one device, undone on another; done was kept.
    case doneConflict = 2
    /// Two values of a habit's field; one was kept.
    case fieldConflict = 3
    /// Deleted on one device, changed or completed on another; it was kept, archived.
    case deletionConflict = 4
    /// A day that arrived late closed a gap.
    case streakHealed = 5
  }

  /// A value of a notice.
  public enum Value: Hashable, Sendable {
    /// A note, a name or a description.
    case text(String)
    /// Whether a day is done, or a habit archived.
    case flag(Bool)
    /// A colour, a position or a number of days.
    case number(Int64)

    /// - Returns: nil for a text that is no value of the form.
    public init?(_ text: String, _ form: Form) {
      switch form {
      case .text: self = .text(text)
      case .flag:
        guard let flag = Bool(text) else { return nil }
        self = .flag(flag)
      case .number:
        guard let number = Int64(text) else { return nil }
        self = .number(number)
      case .none: return nil
      }
    }

    /// The value as text, as `HabitFields.text(of:)` has it for a habit's field.
    public var text: String {
      switch self {
      case .text(let text): text
      case .flag(let flag): String(flag)
      case .number(let number): String(number)
      }
    }
  }

  /// The form that both values of a notice have.
  public enum Form: Sendable {
    case text
    case flag
    case number
    /// A deletion has no values: there is nothing else that they could be.
    case none

    public init(_ kind: Kind, _ field: HabitField?) {
      switch (kind, field) {
      case (.doneConflict, _), (.fieldConflict, .archived): self = .flag
      case (.streakHealed, _), (.fieldConflict, .color), (.fieldConflict, .position): self = .number
      case (.deletionConflict, _): self = .none
      case (.noteConflict, _), (.fieldConflict, .name), (.fieldConflict, .description), (.fieldConflict, nil):
        self = .text
      }
    }

    /// Whether a value has this form.
    public func accepts(_ value: Value?) -> Bool {
      switch (self, value) {
      case (.text, .text), (.flag, .flag), (.number, .number), (.none, nil): true
      case (.text, _), (.flag, _), (.number, _), (.none, _): false
      }
    }
  }

  public var kind: Kind
  public var habitID: Identifier
  /// Nil if the notice is about the habit itself.
  public var day: Day?
  /// For a field's conflict.
  public var field: HabitField?
  /// The winning value; for a repaired streak its length in days. It has the form of the kind.
  public var winningValue: Value?
  /// The losing value; for a repaired streak its length before. It has the form of the kind.
  public var losingValue: Value?
  /// The device of the losing value.
  public var losingDeviceID: Identifier?
  public var madeAt: Instant
  /// The change number of the last change: of its making or resolution.
  public var version: Int64
  /// A side was chosen, or nothing has to be chosen.
  public var isResolved: Bool

  public init(
    kind: Kind, habitID: Identifier, day: Day? = nil, field: HabitField? = nil,
    winningValue: Value?, losingValue: Value?, losingDeviceID: Identifier?, madeAt: Instant, version: Int64,
    isResolved: Bool = false
  ) {
    self.kind = kind
    self.habitID = habitID
    self.day = day
    self.field = field
    self.winningValue = winningValue
    self.losingValue = losingValue
    self.losingDeviceID = losingDeviceID
    self.madeAt = madeAt
    self.version = version
    self.isResolved = isResolved
  }
}

extension Notice {
  /// The chosen value of a conflict as a statement; nil if there is nothing to state.
  ///
  /// - Parameters:
  ///   - clientTime: The local time that stands for the conflict's day.
  ///   - fields: The habit as the person sees it; nil: it is deleted.
  public func statement(takingLosing: Bool, clientTime: ClientTime?, fields: HabitFields?) -> Operation.Change? {
    let value = takingLosing ? losingValue : winningValue
    switch kind {
    case .noteConflict:
      guard let day, let clientTime else { return nil }
      return .setNote(Operation.Note(habitID: habitID, day: day, text: value?.text ?? "", clientTime: clientTime))
    case .doneConflict:
      guard let day, let clientTime else { return nil }
      return .setCompletion(
        Operation.Completion(habitID: habitID, day: day, done: value == .flag(true), clientTime: clientTime))
    case .fieldConflict:
      guard let field, var fields else { return nil }
      fields.set(field, text: value?.text ?? "")
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: fields, changed: [field]))
    case .deletionConflict where takingLosing: return .deleteHabit(habitID)
    case .deletionConflict:
      guard let fields else { return nil }
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: fields, changed: [.archived]))
    case .streakHealed: return nil
    }
  }
}

extension Notice {
  /// The id of the notice that a statement about a day lost. It derives from the statement, so that
  /// it survives a change of epoch.
  static func id(_ kind: Kind, _ key: CellKey, loser: StatementID) -> Identifier {
    id(kind, key.habitID, key.day.number, loser)
  }

  /// The id of the notice that a statement about a habit lost.
  static func id(_ kind: Kind, _ habitID: Identifier, _ field: HabitField? = nil, loser: StatementID) -> Identifier {
    id(kind, habitID, Int32(field?.rawValue ?? 0), loser)
  }

  private static func id(_ kind: Kind, _ habitID: Identifier, _ place: Int32, _ loser: StatementID) -> Identifier {
    var bytes = CanonicalBytes(tag: 4)
    bytes.append(kind.rawValue)
    bytes.append(habitID)
    bytes.append(place)
    bytes.append(loser.source)
    bytes.append(loser.seq)
    let (high, low) = SHA256.leadingNumbers(of: bytes.bytes)
    return Identifier(high: high, low: low)
  }
}
