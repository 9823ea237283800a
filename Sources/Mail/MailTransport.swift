/// How mails leave the machine.
package protocol MailTransport: Sendable {
  /// Hands a message over. Blocks for `MailLimits.deliverySeconds` at most.
  func deliver(_ message: MailMessage) -> MailOutcome
}

/// What became of a message.
package enum MailOutcome: Sendable, Equatable {
  /// The mail server has taken it, and answers for it from now on.
  case accepted
  /// The mail server refuses this message or its recipient for good.
  case refused(String)
  /// It was not handed over, or the mail server's last answer was lost: a repetition may succeed.
  case failed(String)
}

/// Time limits of a delivery, in seconds.
package enum MailLimits {
  /// For the connection to the mail server.
  package static let connectSeconds = 10
  /// For all of a delivery.
  package static let deliverySeconds = 60
}
