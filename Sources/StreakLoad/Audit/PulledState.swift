/// A person's complete data in the service, from a pull from the start.
struct PulledState: Sendable, Equatable {
  struct Cell: Sendable, Equatable {
    var habitID: [UInt8]
    var day: Int32
    var isDone: Bool
    var counts: Bool
    var note: String
  }

  var habitIDs: Set<[UInt8]> = []
  var cells: [Cell] = []
  var changeNumber: Int64 = 0
  /// Whether the service's digest is the one of the data that it sent.
  var digestAgrees = true
}

/// How often the database holds each of a person's writes, by the write's number.
struct StoredWrites: Sendable, Equatable {
  var counts: [UInt32: Int] = [:]
}

/// Compares the service's data with its acknowledgements. Pure.
struct AuditJudge {
  /// The prefix of the run's notes.
  let runName: String

  /// The number in a note of this run; nil for another note.
  func number(ofNote note: String) -> UInt32? {
    guard note.hasPrefix("\(runName)-") else { return nil }
    return UInt32(note.dropFirst(runName.count + 1))
  }

  /// - Parameter person: Without running requests.
  func findings(_ person: LoadPerson, _ state: PulledState) -> [AuditFinding] {
    var findings: [AuditFinding] = []
    func find(_ kind: AuditFinding.Kind, _ text: String) {
      findings.append(AuditFinding(kind: kind, person: person.userID.hexadecimal, text: text))
    }
    for habit in person.habits {
      guard state.habitIDs.contains(habit.id) else {
        find(.lost, "habit \(habit.id.hexadecimal) is gone")
        continue
      }
      let cells = state.cells.filter { $0.habitID == habit.id }
      for written in habit.written { judge(written, habit, cells, find) }
      let counted = Int32(clamping: cells.count { $0.isDone && $0.counts })
      if !habit.counted.contains(counted) {
        find(
          counted < habit.counted.lowerBound ? .lost : .wrong,
          "habit \(habit.id.hexadecimal): \(counted) days count, where \(habit.counted) were acknowledged")
      }
    }
    let held = Int64(state.cells.count)
    if held > person.heldCells.upperBound {
      find(.wrong, "\(held) days are held, where \(person.heldCells) were acknowledged")
    }
    let least = person.changeBase + person.acknowledgedChanges
    if state.changeNumber < least {
      find(
        .lost, "\(least - state.changeNumber) of \(person.acknowledgedChanges) acknowledged changes did not take effect"
      )
    } else if state.changeNumber > least + person.uncertainChanges {
      find(
        .doubled,
        "\(state.changeNumber - least) more changes than the \(person.acknowledgedChanges) acknowledged, of which \(person.uncertainChanges) may be uncertain writes"
      )
    }
    if !state.digestAgrees { find(.wrong, "the digest is not that of the state") }
    return findings
  }

  private func judge(
    _ written: WrittenCell, _ habit: LoadHabit, _ cells: [PulledState.Cell], _ find: (AuditFinding.Kind, String) -> Void
  ) {
    let place = "habit \(habit.id.hexadecimal) day \(written.day)"
    guard let cell = cells.first(where: { $0.day == written.day }) else {
      if written.acknowledged > 0 { find(.lost, "\(place): write \(written.acknowledged) is not there") }
      return
    }
    guard cell.isDone else { return find(.wrong, "\(place): not done") }
    let number = number(ofNote: cell.note)
    if let number, number == written.acknowledged || written.uncertain.contains(number) { return }
    if written.acknowledged == 0, number == nil { return }
    if let number, number < written.acknowledged {
      find(.lost, "\(place): write \(written.acknowledged) is not there, write \(number) is")
    } else {
      find(
        .wrong, "\(place): the note is \(cell.note.prefix(64)), where write \(written.acknowledged) was acknowledged")
    }
  }

  /// Every acknowledged write must be stored once, also if a later one replaced it; a refused write
  /// must not be stored.
  func findings(_ person: LoadPerson, _ stored: StoredWrites) -> [AuditFinding] {
    var findings: [AuditFinding] = []
    let refused = Set(person.refusedWrites)
    let uncertain = Set(person.uncertainWrites)
    func find(_ kind: AuditFinding.Kind, _ text: String) {
      findings.append(AuditFinding(kind: kind, person: person.userID.hexadecimal, text: text))
    }
    if person.lastWrite > 0 {
      for number in 1...person.lastWrite {
        let count = stored.counts[number] ?? 0
        if count > 1 { find(.doubled, "write \(number) is stored \(count) times") }
        if refused.contains(number) {
          if count > 0 { find(.wrong, "write \(number) was refused and is stored") }
        } else if count == 0, !uncertain.contains(number) {
          find(.lost, "write \(number) was acknowledged and is not stored")
        }
      }
    }
    for number in stored.counts.keys where number > person.lastWrite || number == 0 {
      find(.wrong, "write \(number) was never sent")
    }
    return findings
  }
}

extension [UInt8] {
  private static let digits = Array<UInt8>("0123456789abcdef".utf8)

  var hexadecimal: String {
    String(decoding: flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  init?(hexadecimal text: String) {
    let nibbles = text.utf8.map { Self.digits.firstIndex(of: $0) }
    guard nibbles.count % 2 == 0, !nibbles.contains(nil) else { return nil }
    self = stride(from: 0, to: nibbles.count, by: 2).map { UInt8((nibbles[$0] ?? 0) << 4 | (nibbles[$0 + 1] ?? 0)) }
  }
}
