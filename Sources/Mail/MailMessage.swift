/// A mail to one recipient, as text and as HTML.
package struct MailMessage: Sendable {
  package var sender: Mailbox
  package var recipient: MailAddress
  package var subject: String
  package var text: String
  package var html: String
  /// The language of both, such as `de`.
  package var language: String
  /// Names the message: the same again for a repeated delivery, so that the recipient's programs
  /// recognise it. ASCII letters, digits and hyphens.
  package var identifier: String
  /// Seconds since 1970.
  package var sentAt: Int64

  package init(
    sender: Mailbox, recipient: MailAddress, subject: String, text: String, html: String, language: String,
    identifier: String, sentAt: Int64
  ) {
    self.sender = sender
    self.recipient = recipient
    self.subject = subject
    self.text = text
    self.html = html
    self.language = language
    self.identifier = identifier
    self.sentAt = sentAt
  }

  /// The message by RFC 5322 with the parts of RFC 2046, lines ending with CR LF.
  package var bytes: [UInt8] {
    let name = identifier.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    let boundary = "=_\(name)"
    var lines = [
      "Date: \(MailDate.text(sentAt))",
      "From: \(sender.headerValue)",
      "To: <\(recipient.text)>",
      "Subject: \(HeaderText.unstructured(subject, after: 9))",
      "Message-ID: <\(name)@\(sender.address.domain)>",
      // No program answers it: RFC 3834, section 5.
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: multipart/alternative;\r\n boundary=\"\(boundary)\"",
    ]
    let tag = language.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    if !tag.isEmpty { lines.append("Content-Language: \(tag)") }
    var all = lines.map { $0 + "\r\n" }.joined() + "\r\n"
    for (type, content) in [("plain", text), ("html", html)] {
      all += "--\(boundary)\r\nContent-Type: text/\(type); charset=utf-8\r\n"
      all += "Content-Transfer-Encoding: quoted-printable\r\n\r\n\(QuotedPrintable.encode(content))\r\n"
    }
    return Array((all + "--\(boundary)--\r\n").utf8)
  }
}
