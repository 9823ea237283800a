public import struct StreakDomain.Identifier

/// Notifies every server that a user's data has changed, for watching clients.
public struct ChangeHint: Sendable, Equatable {
  /// The channel of NOTIFY for hints.
  static let channel = "streakd_changes"
  /// Most bytes of the hints in one notification. PostgreSQL's limit for all of it is below 8000.
  static let payloadBytesMax = 7_900

  public var userID: Identifier
  public var changeNumber: Int64
  /// The device that made the change; nil if none did, or several.
  public var deviceID: Identifier?

  public init(userID: Identifier, changeNumber: Int64, deviceID: Identifier?) {
    self.userID = userID
    self.changeNumber = changeNumber
    self.deviceID = deviceID
  }

  /// Hints as few notifications: each hint is the user's id, the change number and the device's id,
  /// with colons between them; a comma between two hints.
  static func payloads(_ hints: [ChangeHint]) -> [String] {
    var payloads: [String] = []
    var payload = ""
    for hint in hints {
      let text = "\(hint.userID):\(hint.changeNumber):\(hint.deviceID?.description ?? "")"
      if payload.utf8.count + 1 + text.utf8.count > payloadBytesMax {
        payloads.append(payload)
        payload = ""
      }
      payload += payload.isEmpty ? text : "," + text
    }
    return payload.isEmpty ? payloads : payloads + [payload]
  }

  /// Reads a notification; unreadable parts are left out.
  static func hints(inPayload payload: String) -> [ChangeHint] {
    payload.split(separator: ",").compactMap { text in
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 3, let userID = Identifier(hexadecimal: String(parts[0])), let number = Int64(parts[1])
      else {
        return nil
      }
      return ChangeHint(userID: userID, changeNumber: number, deviceID: Identifier(hexadecimal: String(parts[2])))
    }
  }
}
