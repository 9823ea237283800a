internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import struct StreakDomain.RecoveryCode
internal import StreakStore

/// Checks that the person makes a dangerous call, and not only a holder of the device's token.
struct PersonProofCheck: Sendable {
  /// How long a proof is valid, in seconds.
  static let secondsMax: Int64 = 300

  let store: StreakStore
  let passwords: PasswordVault

  /// Requires the proof in a request, or without one a proof by the device that is not too old.
  ///
  /// - Returns: The person, for the store: the call takes effect only if the proof still holds
  ///   then.
  /// - Throws: `SIGN_IN_REFUSED` for a wrong proof, `REAUTHENTICATION_REQUIRED` without one.
  func require(
    _ proof: PersonProof?, of user: UserRecord, by principal: Principal, context: ServerContext
  ) async throws(RPCStatus) -> ProvenPerson {
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let person = ProvenPerson(userID: user.userID, deviceID: deviceID, sealedPassword: user.sealedPassword)
    if let proof {
      try await check(proof, of: user, context: context)
      return person
    }
    let provenAt = try await mappingStoreErrors { () throws(StoreError) in
      try await store.provenAt(of: principal.userID, on: deviceID)
    }
    let now = Instant.now()
    guard let provenAt, now < provenAt.advanced(bySeconds: Self.secondsMax) else {
      throw Reason.reauthenticationRequired.status
    }
    return person
  }

  /// Requires a right password, or a right recovery code, which is then used.
  ///
  /// - Throws: `SIGN_IN_REFUSED`.
  func check(_ proof: PersonProof, of user: UserRecord, context: ServerContext) async throws(RPCStatus) {
    let isRight: Bool
    switch proof.proof {
    case .password(let password):
      isRight = try await passwords.verify(
        NormalizedPassword(password), of: user, as: FairQueue.Party(isKnown: true, name: user.userID.bytes),
        on: context.loop)
    case .recoveryCode(let text):
      let hash = RecoveryCode.hash(of: text, user.userID, by: store.serverKey)
      isRight = try await mappingStoreErrors { () throws(StoreError) in
        try await store.spendRecoveryCode(of: user.userID, hash: hash, at: .now())
      }
    case nil: throw Reason.reauthenticationRequired.status
    }
    guard isRight else {
      throw Reason.signInRefused.status(saying: "The password or recovery code is not the account's, or was used.")
    }
  }
}
