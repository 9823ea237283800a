import ArgumentParser
import GRPCSchema
import Glibc
import RPC
import Schema
import StreakDomain

struct FindAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find", abstract: "Shows an account and its devices.", discussion: "The operator's right: find.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { _, found, _ throws(RPCStatus) in
      let account = found.account ?? Account()
      print("email            \(account.email)")
      print("id               \(Identifier(account.userId)?.description ?? "")")
      print("made             \(text(account.createdAt))")
      print("habits           \(account.habitCount)")
      print("recovery codes   \(account.recoveryCodesLeft)")
      if account.deletionAt != nil { print("deletion         \(text(account.deletionAt))") }
      if found.lockedAt != nil { print("locked           \(text(found.lockedAt))") }
      for listed in found.devices {
        let device = listed.device ?? Device()
        print(
          "device           \(Identifier(device.deviceId)?.description ?? "")  \(device.name.debugDescription)  signed \(listed.signedIn ? "in" : "out") \(text(listed.signedInAt))"
        )
      }
    }
  }

  /// Such as `2026-11-29T14:05:00Z`.
  private func text(_ moment: GoogleProtobufTimestamp?) -> String {
    guard let moment else { return "" }
    var (seconds, parts) = (time_t(moment.seconds), tm())
    gmtime_r(&seconds, &parts)
    var bytes = [CChar](repeating: 0, count: 32)
    let count = strftime(&bytes, bytes.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
