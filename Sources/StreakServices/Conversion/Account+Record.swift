internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import enum StreakDomain.Reason
internal import StreakStore

extension Account {
  init(_ user: UserRecord, habitCount: Int32) {
    self.init(
      userId: user.userID.bytes, email: user.email, createdAt: GoogleProtobufTimestamp(user.createdAt),
      changeNumber: user.changeNumber, habitCount: habitCount, emailVerified: user.emailVerifiedAt != nil,
      language: user.language, recoveryCodesLeft: user.recoveryCodesLeft,
      deletionAt: user.deletionAt.map { GoogleProtobufTimestamp($0) })
  }
}

extension DeviceRecord {
  /// - Throws: A refusal naming `path` if there is no device in it.
  init(_ device: Device?, path: String) throws(RPCStatus) {
    guard let device else { throw Reason.invalidField(path, "is required") }
    self.init(
      deviceID: try identifier(device.deviceId, path + ".device_id"), name: device.name,
      platform: device.platform, appVersion: device.appVersion)
  }
}

extension Device {
  init(_ record: DeviceRecord) {
    self.init(
      deviceId: record.deviceID.bytes, name: record.name, platform: record.platform, appVersion: record.appVersion)
  }
}

extension SignedInDevice {
  init(_ known: KnownDeviceRecord, isThisDevice: Bool = false) {
    self.init(
      device: Device(known.device), signedInAt: GoogleProtobufTimestamp(known.registeredAt),
      refreshedAt: known.refreshedAt.map { GoogleProtobufTimestamp($0) }, signedIn: known.isSignedIn,
      isThisDevice: isThisDevice)
  }
}

extension ExportedDevice {
  init(_ record: ExportedDeviceRecord) {
    self.init(
      device: Device(record.device), registeredAt: GoogleProtobufTimestamp(record.registeredAt),
      signedIn: record.isSignedIn)
  }
}

extension SignInApproval {
  init(_ record: SignInApprovalRecord) {
    self.init(
      requestId: record.requestID.bytes, digits: record.digits, device: Device(record.device),
      address: record.peerAddress, requestedAt: GoogleProtobufTimestamp(record.requestedAt),
      expiresAt: GoogleProtobufTimestamp(record.expiresAt))
  }
}
