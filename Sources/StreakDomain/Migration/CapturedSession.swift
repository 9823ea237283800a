/// A device's data of an anonymous session at one moment, as sent.
///
/// Its entries are what the manifest's hash covers, with the device's nanoseconds. The fields are
/// checked when a message is read (`SchemaConversion`), and the hash is compared (`refusal`),
/// before `MigrationPlan` makes cells of them.
public struct CapturedSession: Sendable {
  public struct Habit: Sendable {
    public var id: Identifier
    public var fields: HabitFields
    public var claim: Claim?

    public init(id: Identifier, fields: HabitFields, claim: Claim? = nil) {
      self.id = id
      self.fields = fields
      self.claim = claim
    }
  }

  /// The streak that the device showed for a habit.
  public struct Claim: Equatable, Sendable {
    public var currentStreak: Int32
    /// Nil: none.
    public var lastCompletedDay: Day?

    public init(currentStreak: Int32, lastCompletedDay: Day?) {
      self.currentStreak = currentStreak
      self.lastCompletedDay = lastCompletedDay
    }
  }

  public struct Entry: Sendable {
    public var habitID: Identifier
    public var day: Day
    public var done: Bool
    public var note: String
    public var clientTime: ClientTime
    /// `clientTime` in the manifest: the device's seconds and nanoseconds, which milliseconds would
    /// round.
    public var occurredAtSeconds: Int64
    public var occurredAtNanos: Int32

    public init(
      habitID: Identifier, day: Day, done: Bool, note: String, clientTime: ClientTime, occurredAtSeconds: Int64,
      occurredAtNanos: Int32
    ) {
      self.habitID = habitID
      self.day = day
      self.done = done
      self.note = note
      self.clientTime = clientTime
      self.occurredAtSeconds = occurredAtSeconds
      self.occurredAtNanos = occurredAtNanos
    }

    /// An entry that is captured here.
    public init(habitID: Identifier, day: Day, done: Bool, note: String, clientTime: ClientTime) {
      let occurredAt = clientTime.occurredAt
      self.init(
        habitID: habitID, day: day, done: done, note: note, clientTime: clientTime,
        occurredAtSeconds: occurredAt.seconds,
        occurredAtNanos: Int32((occurredAt.microseconds - occurredAt.seconds * 1_000_000) * 1_000))
    }
  }

  public struct Manifest: Sendable {
    public var habitCount: Int
    public var entryCount: Int
    public var sha256: [UInt8]

    public init(habitCount: Int, entryCount: Int, sha256: [UInt8]) {
      self.habitCount = habitCount
      self.entryCount = entryCount
      self.sha256 = sha256
    }
  }

  public var habits: [Habit]
  public var entries: [Entry]
  public var capturedAt: ClientTime
  public var manifest: Manifest

  public init(habits: [Habit], entries: [Entry], capturedAt: ClientTime, manifest: Manifest) {
    self.habits = habits
    self.entries = entries
    self.capturedAt = capturedAt
    self.manifest = manifest
  }

  /// Checks the capture against its manifest.
  ///
  /// - Parameter sha256: The hash function.
  /// - Returns: Why the capture is refused as a whole: `partialCapture` if it has fewer habits or
  ///   entries than the manifest counts, `captureCorrupt` if it has others, or more; nil if it
  ///   matches.
  public func refusal(sha256: ([UInt8]) -> [UInt8]) -> Reason? {
    if habits.count < manifest.habitCount || entries.count < manifest.entryCount { return .partialCapture }
    guard habits.count == manifest.habitCount, entries.count == manifest.entryCount,
      sha256(canonicalBytes) == manifest.sha256
    else { return .captureCorrupt }
    return nil
  }

  /// The bytes that the manifest's hash covers. Source: proto/streak/v1/migration.proto,
  /// `CaptureManifest`.
  public var canonicalBytes: [UInt8] {
    var bytes = Array("streak.v1.capture.1".utf8) + [0]
    bytes.append(bigEndian: UInt32(habits.count))
    for habit in habits {
      bytes += habit.id.bytes
      bytes.appendText(habit.fields.name)
      bytes.appendText(habit.fields.description)
      bytes.append(bigEndian: habit.fields.color)
      bytes.append(bigEndian: UInt32(bitPattern: habit.fields.position))
      bytes.append(habit.fields.archived ? 1 : 0)
    }
    bytes.append(bigEndian: UInt32(entries.count))
    for entry in entries {
      bytes += entry.habitID.bytes
      bytes.append(bigEndian: UInt32(bitPattern: entry.day.number))
      bytes.append(entry.done ? 1 : 0)
      bytes.append(bigEndian: UInt64(bitPattern: entry.occurredAtSeconds))
      bytes.append(bigEndian: UInt32(bitPattern: entry.occurredAtNanos))
      bytes.append(bigEndian: UInt32(bitPattern: entry.clientTime.utcOffsetSeconds))
      bytes.append(bigEndian: UInt32(bitPattern: entry.clientTime.dayStartMinutes))
      bytes.appendText(entry.clientTime.zone)
      bytes.appendText(entry.note)
    }
    return bytes
  }
}

extension [UInt8] {
  fileprivate mutating func appendText(_ text: String) {
    append(bigEndian: UInt32(truncatingIfNeeded: text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
