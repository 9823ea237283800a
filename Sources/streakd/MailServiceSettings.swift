import ArgumentParser
import Cryptography
import Mail
import StreakServices

/// How mails leave the server, and how they look.
struct MailServiceSettings {
  let transport: any MailTransport
  let appearance: MailSettings

  /// Nil if no setting of mail is given.
  ///
  /// - Parameters:
  ///   - password: The file's content.
  ///   - authorities: The file's content.
  init?(
    smtp: String?, user: String?, password: String?, authorities: String?, command: String?, sender: String?,
    linkBase: String?
  ) throws {
    guard [smtp, user, password, authorities, command, sender, linkBase].contains(where: { $0 != nil }) else {
      return nil
    }
    guard let sender, let linkBase, (smtp == nil) != (command == nil) else {
      throw ValidationError("Mail needs mail-from, mail-link-base, and one of mail-smtp and mail-command.")
    }
    guard let mailbox = Mailbox(sender) else {
      throw ValidationError("mail-from must be ADDRESS or NAME <ADDRESS>, not \(sender).")
    }
    guard let appearance = MailSettings(sender: mailbox, linkBase: linkBase) else {
      throw ValidationError(
        "mail-link-base must be an address such as https://app.example.com/account, without # and at most "
          + "\(MailSettings.linkBaseBytesMax) bytes, not \(linkBase).")
    }
    self.appearance = appearance
    guard (user == nil) == (password == nil) else {
      throw ValidationError("mail-user and mail-password-file go together.")
    }
    if let command {
      guard user == nil, authorities == nil else {
        throw ValidationError("mail-user, mail-password-file and mail-ca go with mail-smtp.")
      }
      guard let transport = CommandTransport(command) else {
        throw ValidationError("mail-command must begin with the absolute path of a program, not \(command).")
      }
      self.transport = transport
      return
    }
    guard let server = smtp.flatMap({ SMTPServer($0) }) else {
      throw ValidationError("mail-smtp must be smtps://HOST[:PORT] or smtp://HOST[:PORT].")
    }
    let login = try user.map { user in
      let line = password?.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first ?? ""
      guard !line.isEmpty else { throw ValidationError("The first line of mail-password-file is empty.") }
      return SMTPTransport.Login(user: user, password: Secret(String(line)))
    }
    transport = SMTPTransport(server: server, login: login, authorities: authorities.map { Array($0.utf8) })
  }
}
