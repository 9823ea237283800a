import SplitMix
import StreakClient
import StreakDomain
import TestSupport

/// People with several devices each, an unreliable network and a failing server, all from one seed.
struct SimulationWorld {
  /// One account on one device. A device with two accounts has two.
  struct Replica {
    var replica: DeviceReplica
    /// How far the device's clock is ahead, in milliseconds; negative: behind.
    var clockAhead: Int64
    var utcOffsetSeconds: Int32
    /// An old copy of the device, made by its owner.
    var copy: DeviceReplica?
    var wasRestored = false
    /// Submissions, with their answers, that are still to be delivered, or to be delivered once
    /// more.
    var onTheWay: [Message] = []
  }

  struct Message {
    var submission: SyncSubmission
    var deviceID: Identifier
    /// Time in the device's clock.
    var sentAt: Instant
    /// Nil: it has not reached the server.
    var answer: Result<SyncChanges, ModelServer.Refusal>?
  }

  static let begin = Instant(milliseconds: 1_795_435_200_000)
  static let users = [Identifier(high: 1, low: 1), Identifier(high: 1, low: 2)]

  var random: SplitMix64
  var server = ModelServer()
  var backup: ModelServer?
  /// The server's state after each of its last commits, the latest last.
  var commits: [ModelServer] = []
  /// The primary before a failover, with its state.
  var abandoned: ModelServer?
  /// The database has lost data, or a failover replaced it.
  private(set) var hasGoneBack = false
  /// The database has lost data in one epoch.
  private(set) var hasLostSilently = false
  var replicas: [Replica] = []
  /// The world's time.
  var now = begin
  private var nextID: UInt64 = 0
  /// Days that were recorded on the day itself and reported to the device as counting, by person.
  private(set) var counted: [Identifier: Set<CellKey>] = [:]
  /// A device had received everything and its digest differed from the server's.
  private(set) var hasDiverged = false

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    for user in Self.users { server.signUp(user, now: now) }
    for _ in 0..<Int.random(in: 2...4, using: &random) { addReplica(of: Self.users[0]) }
    for _ in 0..<Int.random(in: 0...2, using: &random) { addReplica(of: Self.users[1]) }
    backup = server
  }

  private mutating func makeID() -> Identifier {
    nextID += 1
    return Identifier(high: 2, low: nextID)
  }

  private mutating func addReplica(of userID: Identifier) {
    let deviceID = makeID()
    server.register(deviceID, of: userID, now: now)
    replicas.append(
      Replica(
        replica: DeviceReplica(userID: userID, deviceID: deviceID),
        clockAhead: random.choice(of: [0, 0, 30_000, 3_600_000, -7_200_000]),
        utcOffsetSeconds: random.choice(of: [0, 20_700, -28_800, 50_400])))
  }

  // MARK: Steps

  /// One random event.
  mutating func step() {
    now += Int64.random(in: 0...3 * 3_600_000, using: &random)
    // Sometimes all devices are idle for days.
    if Int.random(in: 0..<50, using: &random) == 0 { now += Int64.random(in: 0...5, using: &random) * 86_400_000 }
    let index = Int.random(in: replicas.indices, using: &random)
    switch Int.random(in: 0..<200, using: &random) {
    case 0..<90: tap(index)
    case 90..<160: talk(index)
    case 160..<172:
      replicas[index].utcOffsetSeconds = random.choice(of: [-43_200, 0, 19_800, 50_400])
    case 172..<174: replicas[index].clockAhead = Int64.random(in: -86_400_000...86_400_000 * 2, using: &random)
    case 174..<178: replicas[index].copy = replicas[index].replica
    case 178..<181: restoreDevice(index)
    case 181..<184: backup = server
    case 184..<186: if let backup { goBack(to: backup) }
    case 186..<189: failOver()
    case 189..<190: returnToAbandoned()
    case 190..<191: goBackSilently()
    case 191..<194: server.isUp.toggle()
    default: lieAboutAccount(index)
    }
  }

  private mutating func restoreDevice(_ index: Int) {
    guard let copy = replicas[index].copy else { return }
    replicas[index].replica = copy
    replicas[index].wasRestored = true
    replicas[index].onTheWay = []
  }

  // MARK: Lives of the database

  /// A copy of the server becomes the server. Late answers of the earlier epoch still arrive;
  /// devices recognise them by the epoch.
  private mutating func goOn(with copy: ModelServer, in epoch: Epoch) {
    hasGoneBack = true
    let before = server
    server = copy
    server.takeIDs(after: before)
    if epoch != copy.epoch { server.begin(epoch) }
    commits = [server]
  }

  /// Restores a backup: its epoch is later than any before.
  private mutating func goBack(to copy: ModelServer) {
    let number = max(server.epoch.number, abandoned?.epoch.number ?? 0) + 1
    goOn(with: copy, in: Epoch(number: number, bits: Int64(bitPattern: random.next())))
    backup = server
  }

  /// A cold copy of the database, or a snapshot of its machine, becomes the server: its epoch is
  /// the present one. No connection outlives that, and with it no request.
  private mutating func goBackSilently() {
    let copies = (commits.suffix(12) + (backup.map { [$0] } ?? [])).filter { $0.epoch == server.epoch }
    guard let copy = copies.randomElement(using: &random) else { return }
    goOn(with: copy, in: copy.epoch)
    hasLostSilently = true
    for index in replicas.indices { replicas[index].onTheWay.removeAll { $0.answer == nil } }
  }

  private mutating func returnToAbandoned() {
    guard let old = abandoned else { return }
    goOn(with: old, in: old.epoch)
    abandoned = nil
  }

  /// Promotes a standby that lacks the last commits. It increments the epoch number that it knows:
  /// two standbys promoted from one primary have the same number.
  private mutating func failOver() {
    guard let standby = commits.suffix(Int.random(in: 1...12, using: &random)).first else { return }
    abandoned = server
    let epoch = Epoch(number: standby.epoch.number + 1, bits: Int64(bitPattern: random.next()))
    let base = commits
    goOn(with: standby, in: epoch)
    // The same base may be promoted once more: a fork.
    if Bool.random(using: &random) { commits = base + commits }
  }

  /// C93: a queue is never sent for another account, also when its device has signed in to one.
  private mutating func lieAboutAccount(_ index: Int) {
    let replica = replicas[index].replica
    guard let other = replicas.first(where: { $0.replica.userID != replica.userID }), server.isUp else { return }
    let before = server.people[other.replica.userID]?.ledger.changeNumber
    let answer = server.sync(
      replica.submission, userID: other.replica.userID, deviceID: other.replica.deviceID, sentAt: now, now: now,
      pageSize: 5)
    precondition(answer == .failure(.accountMismatch))
    precondition(server.people[other.replica.userID]?.ledger.changeNumber == before)
  }

  // MARK: Taps

  private mutating func tap(_ index: Int) {
    let now = now + replicas[index].clockAhead
    let change = randomChange(index, at: now)
    replicas[index].replica.make(change, at: now)
  }

  private mutating func randomChange(_ index: Int, at now: Instant) -> Operation.Change {
    let replica = replicas[index].replica
    let known = replica.shownHabits.keys.sorted()
    guard let habitID = known.randomElement(using: &random), Int.random(in: 0..<10, using: &random) > 0 else {
      return .editHabit(
        Operation.HabitEdit(habitID: makeID(), fields: HabitFields(name: "habit \(nextID)")))
    }
    let occurredAt = now - Int64.random(in: 0...3, using: &random) * 86_400_000
    let clientTime = ClientTime(
      occurredAt: occurredAt, zone: "x", utcOffsetSeconds: replicas[index].utcOffsetSeconds)
    func completion(_ done: Bool) -> Operation.Change {
      let note = random.choice(of: [nil, nil, "a", "b"])
      return .setCompletion(
        Operation.Completion(
          habitID: habitID, day: clientTime.day, done: done, note: done ? note : nil, clientTime: clientTime))
    }
    switch Int.random(in: 0..<24, using: &random) {
    case 0..<10: return completion(true)
    case 10..<15: return completion(false)
    case 15..<18:
      let text = random.choice(of: ["", "a", "b"])
      return .setNote(Operation.Note(habitID: habitID, day: clientTime.day, text: text, clientTime: clientTime))
    case 18..<20:
      let fields = HabitFields(
        name: random.choice(of: ["x", "y"]), color: UInt32.random(in: 0...3, using: &random))
      let changed: Set<HabitField> = Bool.random(using: &random) ? [.name] : [.color]
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: fields, changed: changed))
    case 20: return .deleteHabit(habitID)
    case 21:
      guard let (id, notice) = replica.notices.sorted(by: { $0.key < $1.key }).randomElement(using: &random) else {
        return completion(true)
      }
      let takesLosing = Bool.random(using: &random)
      let moment = notice.day.map { day in
        let noon = Instant(milliseconds: Int64(day.number) * 86_400_000 + 43_200_000)
        return ClientTime(occurredAt: noon, zone: "Z", utcOffsetSeconds: 0)
      }
      guard
        let statement = notice.statement(
          takingLosing: takesLosing, clientTime: moment, fields: replica.shownHabits[notice.habitID])
      else { return completion(true) }
      return .resolveConflict(.init(noticeID: id, takesLosing: takesLosing, statement: statement))
    case 22: return .setDayStart(Int32.random(in: 0...3, using: &random) * 60)
    default: return .malformed
    }
  }

  // MARK: The network

  /// A device and the server exchange messages, some of which are lost, delayed or repeated.
  private mutating func talk(_ index: Int) {
    replicas[index].onTheWay.append(
      Message(
        submission: replicas[index].replica.submission, deviceID: replicas[index].replica.deviceID,
        sentAt: now + replicas[index].clockAhead, answer: nil))
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard let place = replicas[index].onTheWay.indices.randomElement(using: &random) else { return }
      if Int.random(in: 0..<5, using: &random) == 0 {
        replicas[index].onTheWay.remove(at: place)  // lost
      } else {
        deliver(index, place, keeps: Int.random(in: 0..<6, using: &random) == 0)
      }
    }
  }

  /// - Parameter keeps: Whether it will be delivered once more.
  private mutating func deliver(_ index: Int, _ place: Int, keeps: Bool) {
    var message = keeps ? replicas[index].onTheWay[place] : replicas[index].onTheWay.remove(at: place)
    guard let answer = message.answer else {
      message.answer = answer(to: message, of: replicas[index].replica.userID)
      replicas[index].onTheWay.append(message)
      return
    }
    take(answer, to: message.submission, sentAs: message.deviceID, index)
  }

  /// The server's answer, or sometimes that of a lagging read-only copy.
  private mutating func answer(to message: Message, of userID: Identifier) -> Result<SyncChanges, ModelServer.Refusal> {
    let pageSize = Int.random(in: 1...6, using: &random)
    if Int.random(in: 0..<12, using: &random) == 0,
      var lagging = commits.randomElement(using: &random), lagging.epoch == server.epoch
    {
      lagging.isReadOnly = true
      return lagging.sync(
        message.submission, userID: userID, deviceID: message.deviceID, sentAt: message.sentAt, now: now,
        pageSize: pageSize)
    }
    let answer = server.sync(
      message.submission, userID: userID, deviceID: message.deviceID, sentAt: message.sentAt, now: now,
      pageSize: pageSize)
    commits.append(server)
    if commits.count > 30 { commits.removeFirst() }
    return answer
  }

  /// Applies an answer as every client does.
  private mutating func take(
    _ answer: Result<SyncChanges, ModelServer.Refusal>, to submission: SyncSubmission, sentAs deviceID: Identifier,
    _ index: Int
  ) {
    if case .success(let changes) = answer, deviceID == replicas[index].replica.deviceID {
      noteCounted(changes.outcomes, submission)
    }
    // The person signs in again; the device keeps its id.
    if answer == .failure(.deviceUnknown), deviceID == replicas[index].replica.deviceID {
      server.register(deviceID, of: replicas[index].replica.userID, now: now)
    }
    switch replicas[index].replica.take(
      SyncAnswer(answer), to: submission, sentAs: deviceID, at: now + replicas[index].clockAhead)
    {
    case .repair: hasDiverged = true
    case .register: registerAnew(index)
    case .done, .more, .ignore: break
    }
  }

  private mutating func noteCounted(_ outcomes: [OperationOutcome], _ submission: SyncSubmission) {
    for (operation, outcome) in zip(submission.operations, outcomes) where outcome.trust == .counted {
      guard case .setCompletion(let wanted) = operation.change, wanted.done,
        operation.time.milliseconds - wanted.clientTime.occurredAt.milliseconds < 3_600_000
      else { continue }
      counted[submission.userID, default: []].insert(CellKey(habitID: wanted.habitID, day: wanted.day))
    }
  }

  private mutating func registerAnew(_ index: Int) {
    guard server.isUp else { return }
    let deviceID = makeID()
    server.register(deviceID, of: replicas[index].replica.userID, now: now)
    replicas[index].replica.continueAsNewDevice(deviceID)
  }

  // MARK: Quiet

  /// The network works again; all devices sync until none has changes to send or fetch.
  /// - Returns: False if that does not end.
  mutating func quiesce() -> Bool {
    server.isUp = true
    for index in replicas.indices { replicas[index].onTheWay = [] }
    for _ in 0..<400 {
      var isQuiet = true
      for index in replicas.indices {
        let before = replicas[index].replica
        let submission = before.submission
        let answer = server.sync(
          submission, userID: before.userID, deviceID: before.deviceID, sentAt: now + replicas[index].clockAhead,
          now: now, pageSize: 50)
        take(answer, to: submission, sentAs: before.deviceID, index)
        let after = replicas[index].replica
        if after.isBehind || after.cursor != before.cursor || after.deviceID != before.deviceID { isQuiet = false }
      }
      if isQuiet { return true }
    }
    return false
  }
}

extension SyncAnswer {
  init(_ answer: Result<SyncChanges, ModelServer.Refusal>) {
    self =
      switch answer {
      case .success(let changes): .changes(changes)
      case .failure(.gap(let expected)): .gap(expectedSeq: expected)
      case .failure(.reused): .reused
      case .failure(.cursorInvalid): .cursorInvalid
      case .failure(.accountMismatch), .failure(.deviceUnknown), .failure(.accountUnknown), .failure(.unavailable):
        .nothing
      }
  }
}
