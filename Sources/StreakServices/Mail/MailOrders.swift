internal import Cryptography
internal import Mail
internal import StreakDomain
internal import StreakStore

/// Makes the outbox's rows: proofs with their mails, and notices.
struct MailOrders: Sendable {
  let seal: MailSeal
  let linkBase: String

  /// How long a proof of an address works, in seconds.
  static let verifySeconds: Int32 = 24 * 3600
  /// How long a link that resets a password works, in seconds.
  static let resetSeconds: Int32 = 3600
  /// How long a code for a sign-up works, in seconds.
  static let signUpSeconds: Int32 = 3600
  /// Seconds after which a notice is not sent any more.
  static let noticeSeconds: Int32 = 3 * 86_400
  /// Digits of a code.
  static let codeDigits = 8

  /// A proof and the mail that carries it.
  struct Proof {
    let token: NewMailToken
    let mail: NewMail
  }

  /// A code and a link that prove an address: the account's own, or the one that it is to get.
  func verification(of address: EmailAddress, isNew: Bool, for userID: Identifier) -> Proof {
    let code = Self.newCode()
    let token = OpaqueToken(kind: .verify, owner: userID.bytes)
    var values = MailValues()
    values[.code] = Self.spaced(code)
    values[.link] = link("verify", token)
    return Proof(
      token: NewMailToken(
        purpose: .verifyAddress, hash: token.hash, email: address.text, emailKey: address.key,
        codeHash: seal.codeHash(code, of: userID.bytes), lifetimeSeconds: Self.verifySeconds),
      mail: mail(isNew ? .confirmAddress : .verifyAddress, values, Self.verifySeconds))
  }

  /// A link that resets the password of the account of an address; the same work without an
  /// account.
  func reset(of email: String, _ emailKey: String, for userID: Identifier) -> Proof {
    let token = OpaqueToken(kind: .reset, owner: userID.bytes)
    var values = MailValues()
    values[.link] = link("reset", token)
    return Proof(
      token: NewMailToken(
        purpose: .resetPassword, hash: token.hash, email: email, emailKey: emailKey, codeHash: nil,
        lifetimeSeconds: Self.resetSeconds),
      mail: mail(.resetPassword, values, Self.resetSeconds))
  }

  /// A link for the former address of a change; the store fills in the address.
  func takeBack(for userID: Identifier) -> Proof {
    let token = OpaqueToken(kind: .takeback, owner: userID.bytes)
    let seconds = StreakStore.takeBackDays * 86_400
    var values = MailValues()
    values[.link] = link("takeback", token)
    return Proof(
      token: NewMailToken(
        purpose: .takeBackAddress, hash: token.hash, email: "", emailKey: "", codeHash: nil, lifetimeSeconds: seconds),
      mail: mail(.addressChanged, values, seconds))
  }

  /// A code that proves an address at sign-up; where the address has an account that proved it, a
  /// mail that says so instead.
  func signUp(with address: EmailAddress, hasAccount: Bool) -> Proof {
    let code = Self.newCode()
    // Only its hash is used: the key of the row.
    let token = OpaqueToken(kind: .verify, owner: Identifier.zero.bytes)
    var values = MailValues()
    values[.code] = Self.spaced(code)
    let hash = seal.codeHash(hasAccount ? "" : code, of: Array(address.key.utf8))
    return Proof(
      token: NewMailToken(
        purpose: .signUp, hash: token.hash, email: "", emailKey: address.key, codeHash: hash,
        lifetimeSeconds: Self.signUpSeconds),
      mail: mail(hasAccount ? .accountExists : .signUpCode, values, Self.signUpSeconds))
  }

  func newDevice(_ device: DeviceRecord, at now: Instant) -> NewMail { notice(.newDevice, of: device, at: now) }

  /// - Parameter device: It is signed in now.
  func accountRecovered(by device: DeviceRecord, at now: Instant) -> NewMail {
    notice(.accountRecovered, of: device, at: now)
  }

  func recoveryCodesMade(at now: Instant) -> NewMail { notice(.recoveryCodesMade, of: nil, at: now) }

  private func notice(_ kind: MailKind, of device: DeviceRecord?, at now: Instant) -> NewMail {
    var values = MailValues()
    values[.device] = device.map { device in
      [device.name, device.platform].filter { !$0.isEmpty }.joined(separator: ", ")
    }
    values[.time] = Self.text(now)
    return mail(kind, values, Self.noticeSeconds)
  }

  func passwordChanged(at now: Instant) -> NewMail { notice(.passwordChanged, of: nil, at: now) }

  /// - Parameter effect: When the account is erased.
  func deletionAnnounced(effect: Instant) -> NewMail {
    var values = MailValues()
    values[.time] = Self.text(effect)
    return mail(.deletionAnnounced, values, Self.noticeSeconds)
  }

  // MARK: Proofs that a person presents

  /// A code as it was mailed, without what people put between digits; nil if the text is none.
  static func code(_ text: String) -> String? {
    let digits = text.utf8.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "-") }
    guard digits.count == codeDigits, digits.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    return String(decoding: digits, as: UTF8.self)
  }

  /// What a person presents as a proof of an address; nil if it cannot be one of this account.
  func proof(_ text: String, of userID: Identifier) -> PresentedProof? {
    if let code = Self.code(text) { return .code(hash: seal.codeHash(code, of: userID.bytes)) }
    guard let token = OpaqueToken(text: text), token.kind == .verify, token.owner == userID.bytes else { return nil }
    return .link(hash: token.hash)
  }

  /// The account and the hash of a link's token; nil if the text is none of this kind.
  static func link(_ text: String, _ kind: OpaqueToken.Kind) -> (userID: Identifier, hash: [UInt8])? {
    guard let token = OpaqueToken(text: text), token.kind == kind, let userID = Identifier(token.owner) else {
      return nil
    }
    return (userID, token.hash)
  }

  // MARK: Parts

  private func mail(_ kind: MailKind, _ values: MailValues, _ seconds: Int32) -> NewMail {
    let mailID = Identifier.random()
    return NewMail(mailID: mailID, kind: kind, sealed: seal.seal(values.bytes, of: mailID), lifetimeSeconds: seconds)
  }

  private func link(_ action: String, _ token: OpaqueToken) -> String {
    // After the fragment's mark, which browsers do not send to the page's server.
    "\(linkBase)#\(action)=\(String(decoding: token.text.exposed, as: UTF8.self))"
  }

  private static func newCode() -> String {
    let number = randomBytes(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % 100_000_000
    let text = String(number)
    return String(repeating: "0", count: codeDigits - text.count) + text
  }

  /// In two groups, which are easier to copy by hand.
  private static func spaced(_ code: String) -> String {
    "\(code.prefix(codeDigits / 2)) \(code.suffix(codeDigits / 2))"
  }

  /// A moment to the minute, in UTC.
  private static func text(_ moment: Instant) -> String {
    let minutes = moment.seconds / 60
    let (hour, minute) = (minutes / 60 % 24, minutes % 60)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(Day(Int32(clamping: moment.seconds / 86_400))) \(two(hour)):\(two(minute)) UTC"
  }
}
