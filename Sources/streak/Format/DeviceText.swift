import ProtobufCodec
import StreakClient
import StreakDomain

extension DeviceView {
  /// The first part of the id, long enough to be unique among the person's devices.
  var shortID: String { String(id.description.prefix(8)) }

  var line: String {
    let seen = max(signedInAt, refreshedAt)
    let standing = isThisDevice ? "this device" : isSignedIn ? "signed in" : "signed out"
    return "\(shortID)  \(name.plain)  \(standing), last seen \(moment(seen))"
  }

  /// The same in JSON.
  var json: JSONValue {
    .object([
      ("id", .string(id.description)), ("name", .string(name)), ("platform", .string(platform)),
      ("appVersion", .string(appVersion)), ("signedIn", .bool(isSignedIn)), ("thisDevice", .bool(isThisDevice)),
      ("signedInAt", .number(Int(signedInAt.seconds))),
      ("refreshedAt", .number(Int(refreshedAt.seconds))),
    ])
  }
}
