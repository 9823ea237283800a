internal import Cryptography
internal import Mail
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// The address of an account: its proof by mail, and its change.
extension AccountHandlers {
  /// What mails need; refuses where the server sends none.
  var orders: MailOrders {
    get throws(RPCStatus) {
      guard let mail else { throw Reason.mailOff.status }
      return mail
    }
  }

  func requestVerification(
    _ request: RequestVerificationRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestVerificationResponse {
    let orders = try orders
    let userID = try context.user().userID
    let user = try await account(userID)
    guard user.emailVerifiedAt == nil else { return RequestVerificationResponse(verified: true) }
    guard let address = EmailAddress(user.email), MailAddress(address.text) != nil else {
      throw Reason.mailOff.status(saying: "No mail can be sent to the account's address.")
    }
    try await limiter.countMail(to: address.key, context)
    let proof = orders.verification(of: address, isNew: false, for: userID)
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.storeProof(proof.token, proof.mail, about: userID, to: address.text)
    }
    return RequestVerificationResponse()
  }

  func requestAddressChange(
    _ request: RequestAddressChangeRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestAddressChangeResponse {
    let orders = try orders
    let principal = try context.user()
    let userID = principal.userID
    guard let address = EmailAddress(request.email), MailAddress(address.text) != nil else {
      throw Reason.invalidField("email", "must be an email address")
    }
    let user = try await account(userID)
    let person = try await proofs.require(request.proof, of: user, by: principal, context: context)
    try await limiter.countMail(to: address.key, context)
    // Also to the address of another account: only its reader learns of that.
    let proof = orders.verification(of: address, isNew: true, for: userID)
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.storeProof(proof.token, proof.mail, about: userID, to: address.text, by: person)
    }
    return RequestAddressChangeResponse()
  }

  func verifyAddress(
    _ request: VerifyAddressRequest, context: ServerContext
  ) async throws(RPCStatus) -> VerifyAddressResponse {
    let orders = try orders
    let userID = try context.user().userID
    guard let proof = orders.proof(request.proof, of: userID) else { throw Reason.mailProofInvalid.status }
    let takeBack = orders.takeBack(for: userID)
    let yielded = Self.yieldedEvent("VerifyAddress")
    let outcome = try await mappingStoreErrors { () throws(StoreError) in
      try await store.acceptAddress(
        proof, of: userID, takeBack: (takeBack.token, takeBack.mail), yielded: yielded)
    }
    switch outcome {
    case .verified: context.audit.detail = "verified"
    case .changed: context.audit.detail = "changed"
    case .taken: throw Reason.addressTaken.status
    case .proofInvalid: throw Reason.mailProofInvalid.status
    }
    return VerifyAddressResponse(account: try await getAccount(GetAccountRequest(), context: context).account)
  }

  /// The event of an account whose address goes to another one: nothing in it leads there.
  static func yieldedEvent(_ method: String) -> AuditEventRecord {
    AuditEventRecord(
      userID: nil, occurredAt: .now(), method: "AccountService/\(method)", outcome: RPCStatusCode.ok.name, reason: "",
      deviceID: nil, peerAddress: "", detail: StreakStore.yieldedDetail)
  }

  func account(_ userID: Identifier) async throws(RPCStatus) -> UserRecord {
    let user = try await mappingStoreErrors { () throws(StoreError) in try await store.user(userID) }
    guard let user else { throw Reason.credentialsInvalid.status }
    return user
  }

  func requestSignUpCode(
    _ request: RequestSignUpCodeRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestSignUpCodeResponse {
    let orders = try orders
    guard let address = EmailAddress(request.email), MailAddress(address.text) != nil else {
      throw Reason.invalidField("email", "must be an email address")
    }
    let user = try await holder(of: address.key)
    try await limiter.count(context, person: Array(address.key.utf8), mailTo: address.key)
    // A mail either way, so that the answer and its time say nothing.
    let proof = orders.signUp(with: address, hasAccount: user?.emailVerifiedAt != nil)
    let language = user.flatMap { $0.language.isEmpty ? nil : $0.language } ?? request.language
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.storeProof(proof.token, proof.mail, about: .zero, to: address.text, language: language)
    }
    return RequestSignUpCodeResponse()
  }

  /// The account of an address. An unknown address costs as many statements as a known one.
  func holder(of emailKey: String) async throws(RPCStatus) -> UserRecord? {
    try await mappingStoreErrors { () throws(StoreError) in
      let userID = try await store.userID(emailKey: emailKey)
      return try await store.user(userID ?? .zero)
    }
  }
}
