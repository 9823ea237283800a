/// A message on its way, and how far it came. One thread at a time: libcurl calls back on the
/// thread that called it.
final class SMTPTransfer {
  /// The dialogue's progress, which decides what a reply's code is about.
  enum Phase: String {
    /// Nothing about the message was said: connecting, greeting, encrypting, signing in.
    case connecting
    case sender = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    /// The message's bytes are sent; the last answer is awaited once they all are.
    case message
  }

  private let bytes: [UInt8]
  private var sentCount = 0
  private var phase = Phase.connecting

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Copies the next bytes.
  ///
  /// - Returns: Their number; 0 after the last one.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    phase = .message
    let count = min(buffer.count, bytes.count - sentCount)
    unsafe buffer.copyBytes(from: bytes[sentCount..<sentCount + count])
    sentCount += count
    return count
  }

  /// - Parameter beginning: The command's first four bytes. Nothing else of it is looked at: it may
  ///   hold a password.
  func noteCommand(_ beginning: UnsafeRawBufferPointer) {
    if let next = unsafe Phase(rawValue: String(decoding: beginning, as: UTF8.self)) { phase = next }
  }

  /// - Parameters:
  ///   - reason: libcurl's own words.
  ///   - replyCode: Of the server's last reply; 0: none came.
  func outcome(_ reason: String, replyCode: Int) -> MailOutcome {
    let text = "\(reason) (\(phase.rawValue == "message" ? "after the message" : phase.rawValue), reply \(replyCode))"
    guard (500..<600).contains(replyCode) else { return .failed(text) }
    switch phase {
    // Refusals of this server as a sender: its settings are mended, not the message.
    case .connecting, .sender: return .failed(text)
    case .recipient, .data, .message: return .refused(text)
    }
  }
}
