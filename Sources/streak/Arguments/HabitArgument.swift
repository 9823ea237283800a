import ArgumentParser
import StreakClient

extension StreakClient {
  /// The habit named by an argument: by its name, compared as the service compares names, by a
  /// unique prefix of a name, or by "@" and a prefix of its id.
  ///
  /// - Parameter isPreferred: Selects among several habits with the name.
  func habit(
    meant name: String, preferring isPreferred: (HabitView) -> Bool = { !$0.fields.archived }
  ) throws -> HabitView {
    let found = try habits(meant: name, preferring: isPreferred)
    guard found.count == 1 else {
      let names = Set(found.map(\.fields.name))
      // Several habits with one name: their ids tell them apart.
      let hints = found.map {
        names.count == found.count ? $0.fields.name.plain : "\($0.fields.name.plain) (@\($0.shortID))"
      }
      throw CommandFailure("\"\(name)\" may be any of: \(hints.joined(separator: ", ")).")
    }
    return found[0]
  }

  /// All habits that an argument may name, at least one.
  /// - Parameter isPreferred: Selects among several habits with the name.
  func habits(
    meant name: String, preferring isPreferred: (HabitView) -> Bool = { !$0.fields.archived }
  ) throws -> [HabitView] {
    let all = try habits(includingArchived: true)
    if name.hasPrefix("@") {
      let found = all.filter { $0.id.description.hasPrefix(name.dropFirst().lowercased()) }
      guard !found.isEmpty else { throw CommandFailure("There is no habit with the id \(name).") }
      return found
    }
    let wanted = HabitName.normalised(name)
    let named = all.filter { HabitName.normalised($0.fields.name) == wanted }
    if !named.isEmpty {
      let preferred = named.filter(isPreferred)
      return preferred.isEmpty ? named : preferred
    }
    let found = all.filter { HabitName.normalised($0.fields.name).hasPrefix(wanted) }
    guard !found.isEmpty else {
      let hint = all.isEmpty ? "" : " There are: \(all.map(\.fields.name.plain).joined(separator: ", "))."
      throw CommandFailure("There is no habit \"\(name.plain)\".\(hint) Make it: streak habit add \"\(name)\"")
    }
    return found
  }

  /// The current state of the habit.
  func habit(_ id: Identifier) throws -> HabitView? {
    try habits(includingArchived: true).first { $0.id == id }
  }
}

extension HabitView {
  /// The first part of the id, long enough to be unique among the person's habits.
  var shortID: String { String(id.description.prefix(8)) }
}

extension CompletionKind {
  /// The names of the habits on this device.
  static var habits: CompletionKind {
    .custom { arguments, _, _ in
      var options = ClientOptions()
      options.data = arguments.firstIndex(of: "--data").flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
      guard let folder = try? options.folder(), let storage = try? FileStorage(path: folder + "/streak.db") else {
        return []
      }
      return (try? await StreakClient(storage: storage).habits().map(\.fields.name.plain)) ?? []
    }
  }
}
