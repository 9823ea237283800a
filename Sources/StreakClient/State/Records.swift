internal import StreakDomain

extension AnonymousSession {
  /// The session's own record; its habits and days have records of their own.
  var recordBytes: [UInt8] {
    var writer = RecordWriter()
    writer.append(sessionID.bytes)
    writer.append(secret)
    writer.append(startKey)
    writer.append(isAnchored)
    writer.append(begunAt)
    writer.append(keptAt)
    writer.append(zones.encoded)
    return writer.bytes
  }

  init(recordBytes: [UInt8]) throws(StorageError) {
    var reader = RecordReader(recordBytes)
    self.init(begunAt: .epoch)
    guard let id = Identifier(try reader.bytes()) else { throw StorageError("the session has no id") }
    sessionID = id
    secret = try reader.bytes()
    startKey = try reader.bytes()
    isAnchored = try reader.bool()
    begunAt = try reader.instant()
    keptAt = try reader.instant()
    zones = RecentTimeZones(encoded: try reader.bytes())
  }
}

extension ClientAccount {
  /// The account's own record, with the small parts of its replica.
  var recordBytes: [UInt8] {
    var writer = RecordWriter()
    let stored = replica.stored
    writer.append(email)
    let standingNumber: UInt8 =
      switch standing {
      case .signedIn: 0
      case .signedOut: 1
      case .mustRegister: 2
      case .unknownToServer: 3
      }
    writer.append(standingNumber)
    writer.append(credentials != nil)
    if let credentials {
      writer.append(credentials.accessToken)
      writer.append(credentials.accessExpiresAt)
      writer.append(credentials.refreshToken)
      writer.append(credentials.refreshBegunAt)
    }
    writer.append(zones.encoded)
    writer.append(stored.deviceID.bytes)
    writer.append(stored.clock.last.packed)
    writer.append(stored.digest.bytes)
    writer.append(stored.cursor.epoch.number)
    writer.append(stored.cursor.epoch.bits)
    writer.append(stored.cursor.changeNumber)
    writer.append(stored.cursor.tag)
    writer.append(stored.resume)
    writer.append(stored.lastSeq)
    writer.append(stored.dayStartMinutes)
    writer.append(UInt32(stored.seen.last.count))
    for id in stored.seen.last {
      writer.append(id.source.bytes)
      writer.append(id.seq)
    }
    writer.append(caughtUpAt)
    writer.append(deletionAt ?? .epoch)
    return writer.bytes
  }

  static func read(
    _ bytes: [UInt8], userID: Identifier
  ) throws(StorageError) -> (account: ClientAccount, replica: StoredReplica) {
    var reader = RecordReader(bytes)
    let email = try reader.text()
    let standing: Standing =
      switch try reader.number(UInt8.self) {
      case 0: .signedIn
      case 2: .mustRegister
      case 3: .unknownToServer
      default: .signedOut
      }
    var credentials: Credentials?
    if try reader.bool() {
      credentials = Credentials(
        accessToken: try reader.text(), accessExpiresAt: try reader.instant(),
        refreshToken: try reader.text(), refreshBegunAt: try reader.instant())
    }
    let zones = RecentTimeZones(encoded: try reader.bytes())
    guard let deviceID = Identifier(try reader.bytes()) else { throw StorageError("an account has no device") }
    var stored = StoredReplica(userID: userID, deviceID: deviceID)
    stored.clock = HybridClock(last: HybridTime(packed: try reader.number()))
    guard let digest = StateDigest(bytes: try reader.bytes()) else { throw StorageError("an account has no digest") }
    stored.digest = digest
    let epoch = Epoch(number: try reader.number(), bits: try reader.number())
    stored.cursor = Cursor(epoch: epoch, changeNumber: try reader.number(), tag: try reader.bytes())
    stored.resume = try reader.bytes()
    stored.lastSeq = try reader.number()
    stored.dayStartMinutes = try reader.number()
    var seen: [StatementID] = []
    for _ in 0..<(try reader.number(UInt32.self)) {
      guard let source = Identifier(try reader.bytes()) else { throw StorageError("a source has no id") }
      seen.append(StatementID(source: source, seq: try reader.number()))
    }
    stored.seen = SeenStatements(seen)
    var account = ClientAccount(
      email: email, credentials: credentials, replica: DeviceReplica(userID: userID, deviceID: deviceID))
    account.standing = standing
    account.zones = zones
    account.caughtUpAt = try reader.instant()
    let deletionAt = try reader.instant()
    account.deletionAt = deletionAt == .epoch ? nil : deletionAt
    return (account, stored)
  }
}

extension MigratedSession {
  var recordBytes: [UInt8] {
    var writer = RecordWriter()
    writer.append(migratedAt)
    writer.append(afterSeq)
    writer.append(isSecondDevice)
    writer.append(isLost)
    writer.append(isReceived)
    writer.append(UInt32(habitMap.count))
    for (captured, habitID) in habitMap.sorted(by: { $0.key < $1.key }) {
      writer.append(captured.bytes)
      writer.append(habitID.bytes)
    }
    writer.append(claim)
    return writer.bytes
  }

  init(recordBytes: [UInt8]) throws(StorageError) {
    var reader = RecordReader(recordBytes)
    migratedAt = try reader.instant()
    afterSeq = try reader.number()
    isSecondDevice = try reader.bool()
    isLost = try reader.bool()
    isReceived = try reader.bool()
    for _ in 0..<(try reader.number(UInt32.self)) {
      guard let captured = Identifier(try reader.bytes()), let habitID = Identifier(try reader.bytes()) else {
        throw StorageError("a session's habit has no id")
      }
      habitMap[captured] = habitID
    }
    claim = try reader.bytes()
  }
}
