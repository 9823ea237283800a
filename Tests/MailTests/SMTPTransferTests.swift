@testable import Mail
import Testing

struct SMTPTransferTests {
  private static func transfer(after commands: [String], messageIsSent: Bool = false) -> SMTPTransfer {
    let transfer = SMTPTransfer([1, 2, 3])
    for command in commands {
      unsafe Array(command.utf8).withUnsafeBytes {
        unsafe transfer.noteCommand(UnsafeRawBufferPointer(rebasing: $0.prefix(4)))
      }
    }
    if messageIsSent {
      var buffer = [UInt8](repeating: 0, count: 16)
      _ = unsafe buffer.withUnsafeMutableBytes { unsafe transfer.read(into: $0) }
    }
    return transfer
  }

  @Test(
    "only a refusal of the recipient or the message is final",
    arguments: [
      ([String](), false, 554, false), (["EHLO x"], false, 550, false), (["AUTH PLAIN AG=="], false, 535, false),
      (["MAIL FROM:<a@b.c>"], false, 550, false), (["MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>"], false, 550, true),
      (["RCPT TO:<d@e.f>"], false, 450, false), (["RCPT TO:<d@e.f>", "DATA"], false, 554, true),
      (["DATA"], true, 552, true), (["DATA"], true, 452, false), (["DATA"], true, 354, false),
      (["DATA"], true, 0, false),
    ])
  func outcomes(commands: [String], messageIsSent: Bool, code: Int, isFinal: Bool) {
    switch Self.transfer(after: commands, messageIsSent: messageIsSent).outcome("reason", replyCode: code) {
    case .accepted: Issue.record("a failure is not an acceptance")
    case .refused: #expect(isFinal)
    case .failed: #expect(!isFinal)
    }
  }
}
