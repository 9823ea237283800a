@testable import Mail
import Testing

struct MailAddressTests {
  @Test(
    "an address without quotes is accepted",
    arguments: [
      "mira@example.com", "m.i+tag@sub.example.com", "o'brien@example.com", "üser@exämple.de", "a@localhost",
      String(repeating: "a", count: 64) + "@example.com", "a@" + String(repeating: "b", count: 252),
    ])
  func accepted(text: String) { #expect(MailAddress(text)?.text == text) }

  @Test(
    "a text that could mean something else in a header or a command is none",
    arguments: [
      "", "@", "a@", "@b", "a", "a b@example.com", "a@b c", "a\r\nBcc: x@y.z@example.com", "a@example.com\r\n",
      "\"a\"@example.com", "a@example.com>", "<a@example.com", "a,b@example.com", "a@b,c@d.e", "a;b@c", "a:b@c",
      "(c)a@b.c", "a@[127.0.0.1]", "a..b@c.d", ".a@b.c", "a.@b.c", "a@b..c", "a@.b", "a@b.", "a@-b.c", "a\u{0}@b.c",
      "a\u{7f}@b.c", "a@b\u{2028}c", "a@b\u{200b}.c", "a\\b@c.d", String(repeating: "a", count: 65) + "@example.com",
      "a@" + String(repeating: "b", count: 253),
    ])
  func refused(text: String) { #expect(MailAddress(text) == nil) }

  @Test("a mailbox is an address with or without a name")
  func mailboxes() {
    #expect(Mailbox("Streaks <a@b.c>")?.headerValue == "\"Streaks\" <a@b.c>")
    #expect(Mailbox("\"Streaks, Inc.\" <a@b.c>")?.headerValue == "\"Streaks, Inc.\" <a@b.c>")
    #expect(Mailbox("a@b.c")?.headerValue == "a@b.c")
    #expect(Mailbox("Zoë <a@b.c>")?.headerValue == "=?UTF-8?B?Wm/Dqw==?= <a@b.c>")
    for text in ["Streaks", "Streaks <a@b.c> x", "<a b@c>", ""] { #expect(Mailbox(text) == nil, "\(text)") }
  }

  @Test(
    "a mail server's URL says how the connection is encrypted",
    arguments: [
      ("smtps://mail.example.com", SMTPServer.Encryption.immediate, "smtps://mail.example.com:465"),
      ("smtp://mail.example.com", .required, "smtp://mail.example.com:587"),
      ("smtp://mail.example.com:25/", .required, "smtp://mail.example.com:25"),
      ("smtp://localhost:25", .required, "smtp://localhost:25"),
      ("smtp://127.0.0.1:25", .offered, "smtp://127.0.0.1:25"),
      ("smtp://[::1]:2525", .offered, "smtp://[::1]:2525"),
      ("smtps://[2001:db8::1]", .immediate, "smtps://[2001:db8::1]:465"),
    ])
  func servers(text: String, encryption: SMTPServer.Encryption, url: String) {
    #expect(SMTPServer(text)?.encryption == encryption)
    #expect(SMTPServer(text)?.url == url)
  }

  @Test(
    "anything else is no mail server",
    arguments: [
      "", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://a:0", "smtp://a:65536", "smtp://a:x",
      "smtp://user:secret@mail.example.com", "smtp://a/b", "smtp://a b", "smtp://:25",
    ])
  func noServers(text: String) { #expect(SMTPServer(text) == nil) }
}
