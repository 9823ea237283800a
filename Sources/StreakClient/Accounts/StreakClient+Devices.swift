internal import Schema
internal import SchemaConversion
public import StreakDomain

/// A device of the person's, as the server knows it.
public struct DeviceView: Equatable, Sendable {
  public var id: Identifier
  public var name: String
  public var platform: String
  public var appVersion: String
  /// When it signed in last.
  public var signedInAt: Instant
  /// When its credentials were renewed last; the epoch: never.
  public var refreshedAt: Instant
  /// It holds credentials that work.
  public var isSignedIn: Bool
  public var isThisDevice: Bool
}

extension StreakClient {
  /// The devices of the account in use, the one that signed in last first.
  public func devices() async throws(ClientError) -> [DeviceView] {
    let response = try await call(
      AccountServiceMethods.listDevices, ListDevicesRequest(), ListDevicesResponse.self, for: try currentUserID())
    return response.devices.compactMap { listed in
      guard let device = listed.device, let id = Identifier(device.deviceId) else { return nil }
      return DeviceView(
        id: id, name: device.name, platform: device.platform, appVersion: device.appVersion,
        signedInAt: listed.signedInAt?.instant ?? .epoch,
        refreshedAt: listed.refreshedAt?.instant ?? .epoch, isSignedIn: listed.signedIn,
        isThisDevice: listed.isThisDevice)
    }
  }

  /// Signs a device out; what it has not sent waits there for its next sign-in.
  /// - Returns: Whether it was signed in until now.
  @discardableResult
  public func signOutDevice(_ deviceID: Identifier) async throws(ClientError) -> Bool {
    let response = try await call(
      AccountServiceMethods.revokeDevice, RevokeDeviceRequest(deviceId: deviceID.bytes), RevokeDeviceResponse.self,
      for: try currentUserID())
    return response.wasSignedIn
  }

  /// The account in use.
  func currentUserID() throws(ClientError) -> Identifier {
    guard let userID = try store.read({ state throws(ClientError) in state.current }) else {
      throw .notPossible("No account is in use on this device: sign in first.")
    }
    return userID
  }
}
