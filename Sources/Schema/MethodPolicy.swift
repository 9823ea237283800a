package import RPC

/// At most so many calls within any so many seconds.
package struct Rate: Sendable, Hashable {
  package var calls: Int
  package var seconds: Int

  package init(calls: Int, seconds: Int) {
    self.calls = calls
    self.seconds = seconds
  }
}

/// How often a method may be called.
package struct RateLimit: Sendable, Hashable {
  package var perPerson: Rate?
  package var perAddress: Rate?
  /// The method's own code counts the call: only it knows the person, or detects a replay.
  package var isCountedByMethod: Bool
  /// `perPerson` is one for each of the person's devices.
  package var isForEachDevice: Bool

  package init(perPerson: Rate?, perAddress: Rate?, isCountedByMethod: Bool, isForEachDevice: Bool) {
    self.perPerson = perPerson
    self.perAddress = perAddress
    self.isCountedByMethod = isCountedByMethod
    self.isForEachDevice = isForEachDevice
  }
}

/// What the schema says must hold for every call of a method. Source:
/// proto/streak/v1/annotations.proto, `MethodPolicy`.
package struct MethodPolicy: Sendable, Hashable {
  /// Whose credentials a call must carry.
  package enum Authentication: Sendable, Hashable {
    case none
    case session
    case user
    case admin
  }

  package var authentication: Authentication
  /// Every attempt leaves an audit event.
  package var isAudited: Bool
  /// Nil: as often as the machine can answer.
  package var rateLimit: RateLimit?
  /// The call must come by Connect's POST with the header `connect-protocol-version`
  /// (`ServerContext.takesCookies`).
  package var isConnectOnly: Bool

  package init(
    authentication: Authentication = .none, isAudited: Bool = false, rateLimit: RateLimit? = nil,
    isConnectOnly: Bool = false
  ) {
    self.authentication = authentication
    self.isAudited = isAudited
    self.rateLimit = rateLimit
    self.isConnectOnly = isConnectOnly
  }
}

extension MethodDescriptor {
  /// The method's policy; one that asks for nothing, if the method is of another schema, such as
  /// the standard health service.
  package var policy: MethodPolicy { Self.policies[ObjectIdentifier(self)] ?? MethodPolicy() }

  private static let policies = Dictionary(
    uniqueKeysWithValues: zip(SchemaCatalog.methods.map { ObjectIdentifier($0) }, SchemaCatalog.policies))
}
