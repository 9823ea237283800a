package import Mail

/// How mails to people look.
package struct MailSettings: Sendable {
  package let sender: Mailbox
  /// The app's address, to which links add a fragment with their token: `#verify=TOKEN`.
  package let linkBase: String

  /// The longest base of links, in bytes.
  package static let linkBaseBytesMax = 512

  /// Nil if the base is not an address of the web: `https://...`, or of this machine `http://...`,
  /// without a fragment.
  package init?(sender: Mailbox, linkBase: String) {
    let isLocal = ["http://localhost", "http://127.0.0.1", "http://[::1]"].contains { linkBase.hasPrefix($0) }
    guard isLocal || linkBase.hasPrefix("https://"), linkBase.utf8.count <= Self.linkBaseBytesMax,
      linkBase.utf8.allSatisfy({ 0x21 <= $0 && $0 < 0x7F && !##""#<>\^`{|}"##.utf8.contains($0) })
    else { return nil }
    self.sender = sender
    self.linkBase = linkBase
  }
}
