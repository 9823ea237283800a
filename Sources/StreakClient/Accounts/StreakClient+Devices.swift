internal import Schema
internal import SchemaConversion
public import StreakDomain

/// A device of the account, as the server stores it.
public struct DeviceView: Equatable, Sendable {
  public var id: Identifier
  public var name: String
  public var platform: String
  public var appVersion: String
  /// When it last signed in.
  public var signedInAt: Instant
  /// When its credentials were last renewed; the epoch: never.
  public var refreshedAt: Instant
  /// It holds valid credentials.
  public var isSignedIn: Bool
  public var isThisDevice: Bool
}

extension StreakClient {
  /// The devices of the current account, the latest sign-in first.
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

  /// Signs a device out; its unsent operations wait on it for its next sign-in.
  /// - Returns: Whether it was signed in until now.
  @discardableResult
  public func signOutDevice(_ deviceID: Identifier) async throws(ClientError) -> Bool {
    let response = try await call(
      AccountServiceMethods.revokeDevice, RevokeDeviceRequest(deviceId: deviceID.bytes), RevokeDeviceResponse.self,
      for: try currentUserID())
    return response.wasSignedIn
  }

  /// The current account.
  func currentUserID() throws(ClientError) -> Identifier {
    guard let userID = try store.read({ state throws(ClientError) in state.current }) else {
      throw .notPossible("No account is in use on this device: sign in first.")
    }
    return userID
  }
}
