internal import EventLoop
internal import Schema

extension LoadWorker {
  /// People audited at the same time.
  private static let auditorsMax = 8
  /// Cells per page of a pull.
  private static let pageSize: Int32 = 5_000

  /// All people with acknowledged writes.
  var audited: [LoadPerson] { people.filter { $0.hasWrites } + newPeople }

  /// Repeats unanswered requests, as a device does; if there is no answer now, they stay uncertain.
  func resendAllUnanswered() async {
    for person in people where person.pendingSync != nil {
      do throws(CallFailure) { try await resendUnanswered(person) } catch {
        person.abandonPending()
      }
    }
  }

  /// Pulls and judges the data of all people.
  func audit() async -> AuditReport {
    let judge = AuditJudge(runName: runName)
    let queue = LoopBound(AuditQueue(audited), loop: loop)
    let bound = LoopBound(self, loop: loop)
    let auditors = (0..<Self.auditorsMax).map { _ in
      Task(executorPreference: loop) { () -> AuditReport in
        var report = AuditReport()
        while let person = queue.value.people.popLast() {
          report.peopleCount += 1
          report.writeCount += Int(person.acknowledgedChanges)
          report.uncertainCount += Int(person.uncertainChanges)
          do throws(CallFailure) {
            report.add(judge.findings(person, try await bound.value.pull(person)))
          } catch {
            report.add([
              AuditFinding(
                kind: .unreadable, person: person.userID.hexadecimal, text: "\(error.label) \(error.message)")
            ])
          }
        }
        return report
      }
    }
    var report = AuditReport()
    for auditor in auditors { report.add(await auditor.value) }
    return report
  }

  /// A person's complete data, by pulls without operations.
  private func pull(_ person: LoadPerson) async throws(CallFailure) -> PulledState {
    var state = PulledState()
    var request = SyncRequest(userId: person.userID, pageSize: Self.pageSize)
    var digest = PulledDigest()
    while true {
      let reply: SyncResponse = try await call(methods.sync, person.authorization, request)
      for habit in reply.habits {
        state.habitIDs.insert(habit.id)
        digest.addHabit(
          id: habit.id, name: habit.name, description: habit.description, color: habit.color, position: habit.position,
          isArchived: habit.archived)
      }
      for cell in reply.cells {
        digest.addCell(
          habitID: cell.habitId, day: cell.day, isDone: cell.done, note: cell.note,
          quarantine: cell.quarantineReason.rawValue)
        state.cells.append(
          .init(
            habitID: cell.habitId, day: cell.day, isDone: cell.done, counts: cell.trust == .counted, note: cell.note))
      }
      guard let cursor = reply.cursor else { throw .wrong("Sync: no cursor") }
      state.changeNumber = cursor.changeNumber
      guard reply.hasMore else {
        state.digestAgrees = digest.isReadable && reply.digest?.sum == digest.bytes
        return state
      }
      request.cursor = cursor
    }
  }
}

/// People that are still to be audited.
private final class AuditQueue {
  var people: [LoadPerson]
  init(_ people: [LoadPerson]) { self.people = people }
}
