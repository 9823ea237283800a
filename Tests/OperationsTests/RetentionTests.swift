import Cryptography
import Glibc
import GRPCSchema
@testable import Operations
import Schema
import struct StreakDomain.Instant
import StreakStore
import Testing

@Suite struct RetentionTests {
  private let temporary = TemporaryFolder()
  private let state = TemporaryFolder()
  private static let daySeconds: Int64 = 86_400
  private static let start = Instant(seconds: 1_780_315_200)

  private func folder() throws -> BackupFolder { try BackupFolder(temporary.path) }

  private func key(_ name: String = "key") throws -> BackupSigningKey {
    try BackupSigningKey(file: "\(state.path)/\(name)")
  }

  private func signers() throws -> BackupSigners { try BackupSigners(of: key()) }

  /// A backup as a run on that day would leave it; its file holds its name.
  ///
  /// - Parameter signer: The name of the key that signs it; nil: none does.
  @discardableResult
  private func add(day: Int, trialFailure: String? = "", signer: String? = "key") throws -> String {
    let began = Self.start.advanced(bySeconds: Int64(day) * Self.daySeconds)
    let name = BackupFolder.name(at: began.seconds)
    let file = Array(name.utf8)
    try Files.makeFolder("\(temporary.path)/\(name)")
    temporary.write(file, "\(name)/\(BackupFolder.dumpName)")
    var backup = Backup(
      name: name, layoutVersion: 1, beganAt: GoogleProtobufTimestamp(seconds: began.seconds),
      endedAt: GoogleProtobufTimestamp(seconds: began.seconds + 60), fileBytes: Int64(file.count),
      sha256: SHA256.digest(of: file))
    if let trialFailure { backup.trial = BackupCheck(kind: .restore, failure: trialFailure) }
    let manifest = try BackupFolder.encode(backup)
    temporary.write(manifest, "\(name)/\(BackupFolder.manifestName)")
    if let signer {
      temporary.write(BackupSigners.signature(try key(signer), manifest), "\(name)/\(BackupFolder.signatureName)")
    }
    return name
  }

  private func prune(day: Int, retentionDays: Int = 30) throws -> PruneOutcome {
    let now = Self.start.advanced(bySeconds: Int64(day) * Self.daySeconds + 3600)
    return try folder().prune(retentionDays: retentionDays, signers: signers(), at: now)
  }

  private func lastGood(day: Int) throws -> Int64? {
    let now = Self.start.advanced(bySeconds: Int64(day) * Self.daySeconds + 3600)
    return try folder().lastGood(signedBy: signers(), at: now).map {
      ($0.seconds - Self.start.seconds) / Self.daySeconds
    }
  }

  private func names() throws -> [String] { try folder().backups().map(\.name) }

  @Test("with a backup every day for 90 days, each clean-up leaves those of the last 30 days")
  func daily() throws {
    var made: [String] = []
    for day in 0..<90 {
      made.append(try add(day: day))
      #expect(try prune(day: day).removed == (day >= 30 ? [made[day - 30]] : []))
      #expect(try names() == Array(made.suffix(30)), "day \(day)")
    }
  }

  // C101
  @Test("the last good backup stays, however old, if later ones failed their trial restore")
  func lastGood() throws {
    let good = try add(day: 0)
    let untried = try add(day: 1, trialFailure: nil)
    let failed = try (2..<5).map { try add(day: $0, trialFailure: "no room") }
    #expect(try prune(day: 400).removed == [untried] + failed)
    #expect(try names() == [good])
  }

  @Test("if the newest backup was damaged later, the one before it stays")
  func damagedNewest() throws {
    let good = try add(day: 0)
    let damaged = try add(day: 50)
    temporary.write(Array("x".utf8), "\(damaged)/\(BackupFolder.dumpName)")
    let outcome = try prune(day: 51)
    #expect(outcome.damaged == [damaged] && outcome.removed.isEmpty)
    #expect(try names() == [good, damaged])
    // It is known as damaged now, so it does not count as good in the next clean-up either.
    #expect(try prune(day: 52).removed.isEmpty)
  }

  @Test("a clean-up that is cancelled ends in the comparison, judges nothing, and removes nothing")
  func cancelled() throws {
    let (old, good) = (try add(day: 0), try add(day: 50))
    let progress = Progress()
    progress.cancel()
    let now = Self.start.advanced(bySeconds: 51 * Self.daySeconds)
    #expect(throws: OperationsError.self) {
      try folder().prune(retentionDays: 30, signers: signers(), progress: progress, at: now)
    }
    #expect(try names() == [old, good])
    #expect(try folder().backups().allSatisfy { $0.lastCheck == nil })
  }

  @Test("nothing is removed while no backup is good")
  func noneGood() throws {
    try add(day: 0, trialFailure: nil)
    try add(day: 1, trialFailure: "no room")
    let outcome = try prune(day: 100)
    #expect(outcome.hasNoGoodBackup && outcome.removed.isEmpty)
    #expect(try names().count == 2)
  }

  @Test("a backup that nothing known has signed is not good, in whatever time, and does not replace one that is")
  func forged() throws {
    let good = try add(day: 0)
    for signer in [nil, "another"] { try add(day: 40, signer: signer) }
    try add(day: 27_000, signer: nil)
    #expect(try lastGood(day: 41) == 0)
    // Its own manifest is not believed about its age either.
    let old = try add(day: 5, signer: nil)
    let manifest = try #require(try Files.read("\(temporary.path)/\(old)/\(BackupFolder.manifestName)"))
    let later = String(decoding: manifest, as: UTF8.self).replacing("2026-06-06T", with: "2099-06-06T")
    temporary.write(Array(later.utf8), "\(old)/\(BackupFolder.manifestName)")
    let outcome = try prune(day: 41)
    #expect(outcome.removed == [old] && outcome.damaged.isEmpty)
    #expect(try names().first == good)
  }

  @Test("a backup that begins in the future is not good")
  func future() throws {
    try add(day: 3)
    try add(day: 7)
    #expect(try lastGood(day: 6) == 3)
    #expect(try lastGood(day: 7) == 7)
  }

  @Test("a backup without its whole file is not good, and is listed as damaged", arguments: 0..<3)
  func missingFile(kind: Int) throws {
    try add(day: 0)
    let damaged = try add(day: 1)
    let path = "\(temporary.path)/\(damaged)/\(BackupFolder.dumpName)"
    #expect(unlink(path) == 0)
    switch kind {
    case 0: break
    case 1: temporary.write([1], "\(damaged)/\(BackupFolder.dumpName)")
    default: #expect(symlink("\(state.path)/key", path) == 0)
    }
    #expect(try lastGood(day: 2) == 0)
    let listed = try #require(try folder().backups().last)
    #expect(listed.name == damaged && !listed.isGood && listed.lastCheck?.failure.isEmpty == false)
  }

  @Test("the moment in a backup's name is read again, and another text has none")
  func momentOfName() {
    let moment = Self.start.advanced(bySeconds: 45_296)
    #expect(BackupFolder.moment(ofName: BackupFolder.name(at: moment.seconds)) == moment)
    for text in ["", "2026", "2aaaaaaaaaaaaaaZ-x", "20260601-12000Z-x"] {
      #expect(BackupFolder.moment(ofName: text) == nil, "\(text)")
    }
  }

  @Test("a backup exactly as old as the retention stays, and one a second older is removed")
  func border() throws {
    let old = try add(day: 0)
    try add(day: 1)
    let border = Self.start.advanced(bySeconds: 30 * Self.daySeconds)
    #expect(try folder().prune(retentionDays: 30, signers: signers(), at: border).removed.isEmpty)
    let second = border.advanced(bySeconds: 1)
    #expect(try folder().prune(retentionDays: 30, signers: signers(), at: second).removed == [old])
  }

  @Test("the next clean-up removes a killed run's folder, which is no backup; two clean-ups do not run at once")
  func unfinished() throws {
    try Files.makeFolder("\(temporary.path)/\(BackupFolder.unfinishedPrefix)20260601T120000Z-abcdef")
    temporary.write([1], "\(BackupFolder.unfinishedPrefix)20260601T120000Z-abcdef/\(BackupFolder.dumpName)")
    #expect(try names().isEmpty)
    let lock = try folder().lock()
    #expect(throws: OperationsError.self) { try prune(day: 1) }
    lock.close()
    _ = try prune(day: 1)
    #expect(try Files.names(in: temporary.path) == ["lock"])
  }
}

@Suite struct BackupFolderTests {
  private let temporary = TemporaryFolder()

  @Test("names sort by time, and other names are not taken for backups")
  func names() {
    let earlier = BackupFolder.name(at: 1_780_315_200)
    let later = BackupFolder.name(at: 1_780_315_201)
    #expect(earlier.hasPrefix("20260601T120000Z-") && earlier < later)
    #expect(BackupFolder.isName(earlier))
    for text in ["", "lock", "erasures", "20260601T120000Z", "20260601T120000Z-", "20260601T120000Z-../x", "-"] {
      #expect(!BackupFolder.isName(text), "\(text)")
    }
  }

  @Test("a manifest that cannot be read is listed as damaged, and never good")
  func damagedManifest() throws {
    let name = BackupFolder.name(at: 1_780_315_200)
    try Files.makeFolder("\(temporary.path)/\(name)")
    for text in ["", "{", #"{"name": "another"}"#] {
      temporary.write(Array(text.utf8), "\(name)/\(BackupFolder.manifestName)")
      let backups = try BackupFolder(temporary.path).backups()
      #expect(backups.map(\.name) == [name] && backups.allSatisfy { !$0.isGood })
    }
  }
}

@Suite struct TableFingerprintTests {
  private static let table = BackupTable(name: "public.cells", rowCount: 2, fingerprint: "7")

  @Test(
    "the message names every kind of difference between tables",
    arguments: [
      ([BackupTable](), "public.cells is missing"),
      ([BackupTable(name: "public.cells", rowCount: 1, fingerprint: "7")], "public.cells has 1 rows instead of 2"),
      ([BackupTable(name: "public.cells", rowCount: 2, fingerprint: "8")], "public.cells has other rows"),
      ([table, BackupTable(name: "public.x")], "public.x should not be there"),
      ([table], nil),
    ])
  func differences(found: [BackupTable], expected: String?) {
    #expect(TableFingerprint.difference(of: found, from: [Self.table]) == expected)
  }
}
