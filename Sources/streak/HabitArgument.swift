import ArgumentParser
import StreakClient
import StreakDomain

extension StreakClient {
  /// The habit that a person means: by its name however it is spelt, by a beginning that only one has, or by "@" and the beginning of its id.
  func habit(meant name: String) throws -> HabitView {
    let found = try habits(meant: name)
    guard found.count == 1 else {
      let names = Set(found.map(\.fields.name))
      // Habits of one name are told apart by their ids.
      let hints = found.map { names.count == found.count ? $0.fields.name : "\($0.fields.name) (@\($0.shortID))" }
      throw Complaint("\"\(name)\" may be any of: \(hints.joined(separator: ", ")).")
    }
    return found[0]
  }

  /// All habits that a person may mean: archived ones only where no other has the name. At least one.
  func habits(meant name: String) throws -> [HabitView] {
    let all = try habits(includingArchived: true)
    if name.hasPrefix("@") {
      let found = all.filter { $0.id.description.hasPrefix(name.dropFirst().lowercased()) }
      guard !found.isEmpty else { throw Complaint("There is no habit with the id \(name).") }
      return found
    }
    let wanted = HabitName.normalised(name)
    let named = all.filter { HabitName.normalised($0.fields.name) == wanted }
    if !named.isEmpty {
      let active = named.filter { !$0.fields.archived }
      return active.isEmpty ? named : active
    }
    let found = all.filter { HabitName.normalised($0.fields.name).hasPrefix(wanted) }
    guard !found.isEmpty else {
      let hint = all.isEmpty ? "" : " There are: \(all.map(\.fields.name).joined(separator: ", "))."
      throw Complaint("There is no habit \"\(name)\".\(hint) Make it: streak habit add \"\(name)\"")
    }
    return found
  }

  /// The habit as it is now.
  func habit(_ id: Identifier) throws -> HabitView? {
    try habits(includingArchived: true).first { $0.id == id }
  }
}

extension HabitView {
  /// Enough of the id to tell it from others of the person's.
  var shortID: String { String(id.description.prefix(8)) }
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
      if [.signInNeeded, .copied, .accountErased, .accountUnknown].contains(error) { complain(error.description) }
    }
  }

  /// How long a command waits for the server when it need not.
  static let soonMilliseconds: UInt64 = 3_000
}
