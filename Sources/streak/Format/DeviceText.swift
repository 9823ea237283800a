import StreakClient

extension DeviceView {
  /// Enough of the id to tell it from other devices of the person's.
  var shortID: String { String(id.description.prefix(8)) }

  var line: String {
    let seen = max(signedInAtMilliseconds, refreshedAtMilliseconds)
    let standing = isThisDevice ? "this device" : isSignedIn ? "signed in" : "signed out"
    return "\(shortID)  \(name.plain)  \(standing), last seen \(moment(seen))"
  }

  /// For programs.
  var json: JSONText {
    .object([
      ("id", .string(id.description)), ("name", .string(name)), ("platform", .string(platform)),
      ("appVersion", .string(appVersion)), ("signedIn", .bool(isSignedIn)), ("thisDevice", .bool(isThisDevice)),
      ("signedInAt", .number(Int(signedInAtMilliseconds / 1_000))),
      ("refreshedAt", .number(Int(refreshedAtMilliseconds / 1_000))),
    ])
  }
}
