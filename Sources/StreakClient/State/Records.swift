internal import StreakDomain

extension AnonymousSession {
  /// The session itself, without habits and days, which have records of their own.
  var recordBytes: [UInt8] {
    var writer = RecordWriter()
    writer.append(sessionID.bytes)
    writer.append(secret)
    writer.append(startKey)
    writer.append(isAnchored)
    writer.append(begunAtMilliseconds)
    writer.append(keptAtMilliseconds)
    writer.append(zones.encoded)
    return writer.bytes
  }

  init(recordBytes: [UInt8]) throws(StorageError) {
    var reader = RecordReader(recordBytes)
    self.init(begunAtMilliseconds: 0)
    guard let id = Identifier(try reader.bytes()) else { throw StorageError("the session has no id") }
    sessionID = id
    secret = try reader.bytes()
    startKey = try reader.bytes()
    isAnchored = try reader.bool()
    begunAtMilliseconds = try reader.number()
    keptAtMilliseconds = try reader.number()
    zones = ZoneUses(encoded: try reader.bytes())
  }
}

extension ClientAccount {
  /// The account itself, with the small parts of its replica.
  var recordBytes: [UInt8] {
    var writer = RecordWriter()
    let stored = replica.stored
    writer.append(email)
    let standingNumber: UInt8 =
      switch standing {
      case .signedIn: 0
      case .signedOut: 1
      case .mustRegister(serverHasLost: false): 2
      case .mustRegister(serverHasLost: true): 3
      }
    writer.append(standingNumber)
    writer.append(credentials != nil)
    if let credentials {
      writer.append(credentials.accessToken)
      writer.append(credentials.accessExpiresAtMilliseconds)
      writer.append(credentials.refreshToken)
      writer.append(credentials.isRefreshing)
    }
    writer.append(zones.encoded)
    writer.append(stored.deviceID.bytes)
    writer.append(stored.clock.last.packed)
    writer.append(stored.digest.bytes)
    writer.append(stored.cursor.epoch)
    writer.append(stored.cursor.changeNumber)
    writer.append(stored.resume)
    writer.append(stored.lastSeq)
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
      case 2: .mustRegister(serverHasLost: false)
      case 3: .mustRegister(serverHasLost: true)
      default: .signedOut
      }
    var credentials: Credentials?
    if try reader.bool() {
      credentials = Credentials(
        accessToken: try reader.text(), accessExpiresAtMilliseconds: try reader.number(),
        refreshToken: try reader.text(), isRefreshing: try reader.bool())
    }
    let zones = ZoneUses(encoded: try reader.bytes())
    guard let deviceID = Identifier(try reader.bytes()) else { throw StorageError("an account has no device") }
    var stored = StoredReplica(userID: userID, deviceID: deviceID)
    stored.clock = HybridClock(last: HybridTime(packed: try reader.number()))
    guard let digest = StateDigest(bytes: try reader.bytes()) else { throw StorageError("an account has no digest") }
    stored.digest = digest
    stored.cursor = Cursor(epoch: try reader.number(), changeNumber: try reader.number())
    stored.resume = try reader.bytes()
    stored.lastSeq = try reader.number()
    var account = ClientAccount(
      email: email, credentials: credentials, replica: DeviceReplica(userID: userID, deviceID: deviceID))
    account.standing = standing
    account.zones = zones
    return (account, stored)
  }
}
