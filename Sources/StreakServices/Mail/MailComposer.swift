internal import Mail
internal import StreakDomain
internal import StreakStore

/// Turns a row of the outbox into a message.
struct MailComposer: Sendable {
  let sender: Mailbox
  let seal: MailSeal

  /// Nil if the row is not readable: sealed under another key, of another program's kind, or for an
  /// address that no mail can be sent to.
  func message(_ mail: DueMail, at now: Instant) -> MailMessage? {
    guard let kind = MailKind(rawValue: mail.kind), let recipient = MailAddress(mail.recipient),
      let bytes = seal.open(mail.sealed, of: mail.mailID)
    else { return nil }
    var values = MailValues(bytes: bytes)
    values[.service] = sender.name.isEmpty ? sender.address.domain : sender.name
    let language = MailTemplate.language(of: mail.language)
    let template = MailTemplate(kind, language: language)
    let (text, html) = template.filled(values)
    return MailMessage(
      sender: sender, recipient: recipient, subject: template.subject, text: text, html: html, language: language,
      identifier: "\(mail.mailID)", sentAt: now.seconds)
  }
}
