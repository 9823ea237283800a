import ArgumentParser
import StreakClient
import StreakDomain

struct ConflictsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts", abstract: "Shows what devices disagreed about, and changes that were not accepted.",
    discussion: """
      In each conflict one value was kept and the other is shown here until you have seen it. ID is what stands first in a line, or its beginning; \
      changes that were not accepted have one too.
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
        let rejected = try await client.rejectedOperations().filter {
          seen == "all" || $0.id.hasPrefix(seen.lowercased())
        }
        guard rejected.isEmpty || seen == "all" || rejected.count == 1 else {
          throw Complaint("\(rejected.count) changes begin with \(seen).")
        }
        for rejected in rejected { try await client.acknowledgeRejected(rejected.operation) }
        if rejected.isEmpty || seen == "all" {
          for (id, _) in try find(seen, notices) { try await client.acknowledge(id) }
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
    let id = DeviceReplica.Rejected(operation: operation, reason: reason).id
    let name = if let habitID = operation.habitID { "\(await name(habitID))" } else { "a change" }
    let what =
      switch operation.change {
      case .setCompletion(let wanted): "\(name) \(wanted.done ? "done" : "not done") on \(wanted.day)"
      case .setNote(let wanted): "the note of \(name) on \(wanted.day)"
      case .editHabit: "a change of \(name)"
      case .deleteHabit: "the deletion of \(name)"
      case .setDayStart: "when the day begins"
      case .resolveConflict, .malformed: name
      }
    return "\(id)  not accepted: \(what): \(reason.explanation)"
  }
}

extension DeviceReplica.Rejected {
  /// What stands first in its line.
  var id: String { "r" + String(operation.time.packed, radix: 16) }
}

extension OperationRejection {
  /// In a sentence, after what was rejected.
  var explanation: String {
    switch self {
    case .malformed: "the server does not understand it"
    case .futureDay: "that day is in the future"
    case .dayMismatch: "the day does not fit the moment and zone in which it was recorded"
    case .daySealed: "days older than \(DayRules.lateDaysMax) days cannot be taken back"
    case .cellNotFound: "nothing is recorded on that day"
    case .habitNotFound: "the habit is not there"
    case .clockSkew: "this device's clock is a day or more ahead"
    case .habitLimit: "there are \(StreakClient.habitsMax) habits already"
    case .conflictNotFound: "the conflict is not there any more"
    case .textQuota: "there is no room for more text; a day that it was about is recorded without its note"
    }
  }
}
