import ArgumentParser
import StreakClient
import StreakDomain

extension StreakClient {
  /// The habit that a person means: by its name however it is spelt, or by a beginning that only one has.
  func habit(meant name: String) throws -> HabitView {
    if let habit = try habit(named: name) { return habit }
    let wanted = HabitName.normalised(name)
    let all = try habits(includingArchived: true)
    let found = all.filter { HabitName.normalised($0.fields.name).hasPrefix(wanted) }
    guard let habit = found.first else {
      let hint = all.isEmpty ? "" : " There are: \(all.map(\.fields.name).joined(separator: ", "))."
      throw Complaint("There is no habit \"\(name)\".\(hint) Make it: streak habit add \"\(name)\"")
    }
    guard found.count == 1 else {
      throw Complaint("\"\(name)\" may be any of: \(found.map(\.fields.name).joined(separator: ", ")).")
    }
    return habit
  }
}

/// A day as it is given on the command line.
struct DayArgument: ExpressibleByArgument {
  let day: Day

  init?(argument: String) {
    guard let day = Day(iso: argument) else { return nil }
    self.day = day
  }
}

extension Streak {
  /// Tries to tell the server of what was recorded; if that cannot be, it is told later.
  static func sendSoon(_ client: StreakClient, _ hasServer: Bool, _ isOffline: Bool) async throws {
    // Without an account the server only hears that there is a session, once.
    let current = try await client.accounts().first(where: \.isCurrent)
    guard hasServer, !isOffline, current?.isSignedIn != false else { return }
    do throws(ClientError) { try await client.sync() } catch {
      if [.signInNeeded, .accountErased, .accountUnknown].contains(error) { complain(error.description) }
    }
  }

  /// How long a command waits for the server when it need not.
  static let soonMilliseconds: UInt64 = 3_000
}
