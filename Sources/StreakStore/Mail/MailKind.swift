/// What a mail is about. The raw value is its number in the outbox.
package enum MailKind: Int32, Sendable, CaseIterable {
  /// A code and a link that prove the account's address.
  case verifyAddress = 1
  /// The same for an address that the account is to get.
  case confirmAddress = 2
  case resetPassword = 3
  /// To the address that the account had: the change, and a link that takes it back.
  case addressChanged = 4
  case newDevice = 5
  case passwordChanged = 6
  case deletionAnnounced = 7
  /// A code that proves an address at sign-up.
  case signUpCode = 8
  /// Instead of that code: the address has an account.
  case accountExists = 9
  /// A recovery code opened the account.
  case accountRecovered = 10
  case recoveryCodesMade = 11
}

/// What a token of a mail is good for. The raw value is its number in the table.
package enum MailTokenPurpose: Int32, Sendable {
  case verifyAddress = 1
  case resetPassword = 2
  case takeBackAddress = 3
  case signUp = 4
}
