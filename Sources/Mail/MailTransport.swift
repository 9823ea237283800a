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
package struct MailLimits: Sendable {
  /// For the connection to the mail server.
  package var connectSeconds: Int
  /// For all of a delivery. A program that goes on is killed `killSeconds` later.
  package var deliverySeconds: Int
  /// Between the request to end and the kill of a program that is out of time.
  package static let killSeconds = 5

  package init(connectSeconds: Int = 10, deliverySeconds: Int = 60) {
    self.connectSeconds = connectSeconds
    self.deliverySeconds = deliverySeconds
  }
}
