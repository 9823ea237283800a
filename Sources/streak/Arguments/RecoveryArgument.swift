import StreakClient

extension StreakClient {
  /// The recovery whose id has this prefix.
  func recovery(meant text: String) async throws -> RecoveryView {
    let found = try await recoveries().filter { $0.id.description.hasPrefix(text.lowercased()) }
    guard found.count == 1 else { throw CommandFailure("\(found.count) recoveries begin with \(text).") }
    return found[0]
  }
}
