import StreakClient
import StreakDomain

extension DeviceView {
  /// Enough of the id to tell it from other devices of the person's.
  var shortID: String { String(id.description.prefix(8)) }

  var line: String {
    let seen = max(signedInAt, refreshedAt)
    let standing = isThisDevice ? "this device" : isSignedIn ? "signed in" : "signed out"
    return "\(shortID)  \(name.plain)  \(standing), last seen \(moment(seen))"
  }

  /// For programs.
  var json: JSONText {
    .object([
      ("id", .string(id.description)), ("name", .string(name)), ("platform", .string(platform)),
      ("appVersion", .string(appVersion)), ("signedIn", .bool(isSignedIn)), ("thisDevice", .bool(isThisDevice)),
      ("signedInAt", .number(Int(signedInAt.seconds))),
      ("refreshedAt", .number(Int(refreshedAt.seconds))),
    ])
  }
}
