import ArgumentParser
import ProtobufCodec
import StreakClient

struct ConflictsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts", abstract: "Shows what devices disagreed about, and changes that were not accepted.",
    discussion: """
      In each conflict one value was kept and the other is shown here until you have seen it. ID is the first word of a line, or its beginning; \
      changes that were not accepted have one too.
      """)

  @Option(help: ArgumentHelp("Seen: do not show it on this device again; \"all\" for all of them.", valueName: "ID"))
  var seen: String?

  @Option(help: ArgumentHelp("Take the value that was not kept.", valueName: "ID"))
  var takeOther: String?

  @Option(help: ArgumentHelp("Confirm the value that was kept.", valueName: "ID"))
  var keep: String?

  @Flag(help: "Write them as JSON.")
  var json = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      try await Streak.sendSoon(client, hasServer, false)
      let notices = try await client.notices().sorted { $0.value.version < $1.value.version }
      for (choice, takesLosing) in [(takeOther, true), (keep, false)] {
        guard let choice else { continue }
        for (id, _) in try find(choice, notices.filter { !$0.value.isResolved }) {
          try await client.resolve(id, takingLosing: takesLosing)
          try await client.acknowledge(id)
        }
      }
      if let seen {
        let rejected = try await client.rejectedOperations().filter {
          seen == "all" || $0.id.hasPrefix(seen.lowercased())
        }
        guard rejected.isEmpty || seen == "all" || rejected.count == 1 else {
          throw CommandFailure("\(rejected.count) changes begin with \(seen).")
        }
        for rejected in rejected { try await client.acknowledgeRejected(rejected.operation) }
        if rejected.isEmpty || seen == "all" {
          for (id, _) in try find(seen, notices) { try await client.acknowledge(id) }
        }
      }
      if seen != nil || takeOther != nil || keep != nil { return try await Streak.sendSoon(client, hasServer, false) }
      let rejected = try await client.rejectedOperations()
      let names = NoticeText(try await client.habits(includingArchived: true))
      if json { return say(names.json(notices, rejected).asciiText) }
      for (id, notice) in notices { say(names.text(id, notice)) }
      for rejected in rejected { say(names.text(rejected.operation, rejected.reason)) }
      guard !notices.isEmpty || !rejected.isEmpty else { return }
      let hints =
        (notices.isEmpty ? [] : ["take the other value: --take-other ID", "confirm the kept one: --keep ID"])
        + ["do not show it again: --seen ID"]
      say(TextStyle.output.dim("What is shown here is kept until you have seen it. \(hints.joined(separator: "; "))."))
    }
  }

  private func find(
    _ text: String, _ notices: [(key: Identifier, value: Notice)]
  ) throws -> [(key: Identifier, value: Notice)] {
    if text == "all" { return notices }
    let found = notices.filter { $0.key.description.hasPrefix(text.lowercased()) }
    guard found.count == 1 else { throw CommandFailure("\(found.count) conflicts begin with \(text).") }
    return found
  }
}
