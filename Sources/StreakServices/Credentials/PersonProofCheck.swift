internal import Cryptography
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
  let passwords: PasswordQueue

  /// Requires the proof in a request, or without one a proof by the device that is not too old.
  ///
  /// - Throws: `SIGN_IN_REFUSED` for a wrong proof, `REAUTHENTICATION_REQUIRED` without one.
  func require(
    _ proof: PersonProof?, of user: UserRecord, by principal: Principal, context: ServerContext
  ) async throws(RPCStatus) {
    if let proof { return try await check(proof, of: user, context: context) }
    guard let deviceID = principal.deviceID else { throw Reason.reauthenticationRequired.status }
    let provenAt = try await mappingStoreErrors { () throws(StoreError) in
      try await store.provenAt(of: principal.userID, on: deviceID)
    }
    let now = Instant.now()
    guard let provenAt, now < provenAt.advanced(bySeconds: Self.secondsMax) else {
      throw Reason.reauthenticationRequired.status
    }
  }

  /// Requires a right password, or a right recovery code, which is then used.
  ///
  /// - Throws: `SIGN_IN_REFUSED`.
  func check(_ proof: PersonProof, of user: UserRecord, context: ServerContext) async throws(RPCStatus) {
    let isRight: Bool
    switch proof.proof {
    case .password(let password):
      isRight = try await passwords.verify(
        NormalizedPassword(password).secret, against: PasswordHash(text: user.passwordHash),
        of: WaitingLine.Party(isKnown: true, name: user.userID.bytes), on: context.loop)
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
