import Cryptography
import GRPCSchema
@testable import Operations
import Schema
import struct StreakDomain.Instant
import StreakStore
import Synchronization
import Testing

@Suite struct ScheduleTests {
  private static let hourSeconds: Int64 = 3_600
  /// 2026-06-01T00:00:00Z.
  private static let midnight = Instant(seconds: 1_780_272_000)

  private static func moment(day: Int64, hour: Int64, second: Int64 = 0) -> Instant {
    midnight.advanced(bySeconds: day * 86_400 + hour * hourSeconds + second)
  }

  @Test("a backup is due from its hour on, until one has begun at or after that hour")
  func due() {
    let schedule = BackupSchedule(hour: 3)
    #expect(schedule.isDue(at: Self.moment(day: 1, hour: 0), last: nil))
    let last = Self.moment(day: 0, hour: 3, second: 5)
    #expect(!schedule.isDue(at: Self.moment(day: 1, hour: 3, second: -1), last: last))
    #expect(schedule.isDue(at: Self.moment(day: 1, hour: 3), last: last))
    #expect(!schedule.isDue(at: Self.moment(day: 1, hour: 3), last: Self.moment(day: 1, hour: 3)))
    // After three days off, a server makes one backup, not three.
    #expect(schedule.isDue(at: Self.moment(day: 4, hour: 1), last: last))
    #expect(!schedule.isDue(at: Self.moment(day: 4, hour: 2), last: Self.moment(day: 4, hour: 1)))
    #expect(BackupSchedule(hour: 0).slot(at: Instant(seconds: -1)) == Instant(seconds: -86_400))
  }

  @Test("a backup is overdue after it has been due for six hours of this program's run time, and not a second before")
  func overdue() {
    let schedule = BackupSchedule(hour: 3)
    let (last, long) = (Self.moment(day: 0, hour: 3, second: 5), Self.moment(day: -9, hour: 0))
    #expect(!schedule.isOverdue(at: Self.moment(day: 1, hour: 9, second: -1), last: last, since: long))
    #expect(schedule.isOverdue(at: Self.moment(day: 1, hour: 9), last: last, since: long))
    #expect(schedule.isOverdue(at: Self.moment(day: 3, hour: 4), last: last, since: long))
    #expect(!schedule.isOverdue(at: Self.moment(day: 1, hour: 9), last: Self.moment(day: 1, hour: 3), since: long))
    // A server that was off gets the same time, and so does the first backup.
    let started = Self.moment(day: 3, hour: 4)
    for last in [last, nil] {
      #expect(!schedule.isOverdue(at: Self.moment(day: 3, hour: 10, second: -1), last: last, since: started))
      #expect(schedule.isOverdue(at: Self.moment(day: 3, hour: 10), last: last, since: started))
    }
  }

  /// The state that several processes share: the database's rows about runs, and its lock.
  private final class World: Sendable {
    let runs = Mutex<[Instant]>([])
    let fails = Mutex(false)
    let folder: String
    let key: BackupSigningKey
    init(_ folder: String, _ key: BackupSigningKey) { (self.folder, self.key) = (folder, key) }

    func make(_ now: Instant, _ isDue: (Instant?) -> Bool) throws(OperationsError) -> Backup? {
      guard isDue(runs.withLock { $0.last }) else { return nil }
      if fails.withLock({ $0 }) { throw .fileUnusable("No space left on device") }
      let name = BackupFolder.name(at: now.seconds)
      let path = "\(folder)/\(name)"
      try Files.makeFolder(path)
      let dump = Array(name.utf8)
      try Files.replace("\(path)/\(BackupFolder.dumpName)", with: dump)
      let backup = Backup(
        name: name, layoutVersion: 1, beganAt: GoogleProtobufTimestamp(seconds: now.seconds),
        endedAt: GoogleProtobufTimestamp(seconds: now.seconds), fileBytes: Int64(dump.count),
        sha256: SHA256.digest(of: dump), trial: BackupCheck(kind: .restore))
      let manifest = try BackupFolder.encode(backup)
      try Files.replace("\(path)/\(BackupFolder.manifestName)", with: manifest)
      try Files.replace("\(path)/\(BackupFolder.signatureName)", with: BackupSigners.signature(key, manifest))
      runs.withLock { $0.append(now) }
      return backup
    }
  }

  @Test(
    "two processes that check every hour for 62 days make one backup a day, and keep exactly the policy's number"
  )
  func simulated() throws {
    let temporary = TemporaryFolder()
    let state = TemporaryFolder()
    let world = World(temporary.path, try BackupSigningKey(file: "\(state.path)/key"))
    let processes = (0..<2).map { _ in
      ScheduledBackups(BackupSchedule(hour: 3), folder: temporary.path, retentionDays: 30, signingKey: world.key) {
        now, isDue throws(OperationsError) in try world.make(now, isDue)
      }
    }
    for day in 0..<Int64(62) {
      // The disk is full on days 40 to 42, until the morning after.
      world.fails.withLock { $0 = (40...42).contains(day) }
      for hour in 0..<Int64(24) {
        for process in processes { _ = try? process.run(at: Self.moment(day: day, hour: hour)) }
      }
      let kept = try BackupFolder(temporary.path).backups()
      let began = kept.compactMap { $0.beganAt?.seconds }
      let expected = world.runs.withLock { $0 }.map(\.seconds).filter {
        // The clean-up follows a backup, at its hour.
        $0 >= (world.runs.withLock { $0.last }?.seconds ?? 0) - 30 * 86_400
      }
      #expect(began == expected, "day \(day)")
      #expect(kept.count <= 32)
    }
    let runs = world.runs.withLock { $0 }
    // At once, then every day at its hour except for the three days, then at midnight of day 43,
    // when there is room again, and at its hour.
    #expect(runs.count == 62 - 3 + 2)
    #expect(runs.contains(Self.moment(day: 43, hour: 0)) && runs.contains(Self.moment(day: 43, hour: 3)))
  }
}
