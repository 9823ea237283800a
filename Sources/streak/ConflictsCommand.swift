import ArgumentParser
import StreakClient
import StreakDomain

struct ConflictsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts", abstract: "Shows what devices disagreed about, and changes that were not accepted.",
    discussion: """
      In each conflict one value was kept and the other is shown here until you have seen it. ID is what stands first in a line, or its beginning.
      """)

  @Option(help: ArgumentHelp("Seen: do not show it on this device again; \"all\" for all of them.", valueName: "ID"))
  var seen: String?

  @Option(help: ArgumentHelp("The value that was not kept is to hold after all.", valueName: "ID"))
  var takeOther: String?

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      try await Streak.sendSoon(client, hasServer, false)
      let notices = try await client.notices().sorted { $0.value.version < $1.value.version }
      if let takeOther {
        let found = try find(takeOther, notices.filter { !$0.value.isResolved })
        for (id, _) in found {
          try await client.resolve(id, takingOther: true)
          try await client.acknowledge(id)
        }
      }
      if let seen {
        for (id, _) in try find(seen, notices) { try await client.acknowledge(id) }
        if seen == "all" {
          for rejected in try await client.rejectedOperations() {
            try await client.acknowledgeRejected(rejected.operation)
          }
        }
      }
      if seen != nil || takeOther != nil { return try await Streak.sendSoon(client, hasServer, false) }
      let names = Names(client)
      for (id, notice) in notices { say(await names.text(id, notice)) }
      for rejected in try await client.rejectedOperations() {
        say(await names.text(rejected.operation, rejected.reason))
      }
    }
  }

  private func find(
    _ text: String, _ notices: [(key: Identifier, value: Notice)]
  ) throws -> [(key: Identifier, value: Notice)] {
    if text == "all" { return notices }
    let found = notices.filter { $0.key.description.hasPrefix(text.lowercased()) }
    guard found.count == 1 else { throw Complaint("\(found.count) conflicts begin with \(text).") }
    return found
  }
}

/// Says what notices and rejections are about.
struct Names {
  private let client: StreakClient

  init(_ client: StreakClient) { self.client = client }

  private func name(_ habitID: Identifier) async -> String {
    let habits = try? await client.habits(includingArchived: true)
    return habits?.first { $0.id == habitID }?.fields.name ?? "a deleted habit"
  }

  func text(_ id: Identifier, _ notice: Notice) async -> String {
    let name = await name(notice.habitID)
    let place = notice.day.map { "\(name) on \($0)" } ?? name
    let what: String =
      switch notice.kind {
      case .noteConflict: "two notes; kept \"\(notice.kept)\", not kept \"\(notice.other)\""
      case .doneConflict: "done on one device, undone on another; \(notice.kept == "true" ? "done" : "undone") holds"
      case .fieldConflict:
        "two values of its \(notice.field.map { "\($0)" } ?? "field"); kept \"\(notice.kept)\", not kept \"\(notice.other)\""
      case .deletionConflict: "deleted on one device and used on another; it is archived instead"
      case .streakHealed: "a late day closed a gap: the streak is \(notice.kept) days, not \(notice.other)"
      }
    return
      "\(id.description.prefix(8))  \(place): \(what)\(notice.isResolved && notice.kind != .streakHealed ? " (settled)" : "")"
  }

  func text(_ operation: Operation, _ reason: OperationRejection) async -> String {
    let name = if let habitID = operation.habitID { await name(habitID) } else { "a change" }
    if case .setCompletion(let completion) = operation.change {
      return "rejected  \(name) on \(completion.day): \(reason.rawValue)"
    }
    return "rejected  \(name): \(reason.rawValue)"
  }
}
