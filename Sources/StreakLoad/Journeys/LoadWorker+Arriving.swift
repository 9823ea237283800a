internal import EventLoop
internal import Cryptography
internal import Schema

extension LoadWorker {
  /// No journey signs in with it again.
  private static let password = "correct horse battery staple"

  private func email() -> String { "\(randomBytes(count: 10).hexadecimal)@load.example" }

  private func claim(
    session: [UInt8], secret: [UInt8], isAnchored: Bool, habits: [[UInt8]]
  ) -> SessionClaim {
    SessionClaim(
      sessionId: session, sessionSecret: secret, migrationId: randomBytes(count: 16), unanchored: !isAnchored,
      captured: Captures.session(habits: habits, days: settings.dayCount, atMilliseconds: WallClock.nowMilliseconds))
  }

  /// A new user's journey: a session, some days later an account that takes over its data.
  func signUp() async throws(CallFailure) -> LoadPerson {
    let session: StartSessionResponse = try await call(
      methods.startSession, [], StartSessionRequest(idempotencyKey: randomBytes(count: 16)))
    let ids = (0..<settings.habitCount).map { _ in randomBytes(count: 16) }
    let person = try await makeAccount(
      claim(session: session.sessionId, secret: session.sessionSecret, isAnchored: true, habits: ids), habits: ids)
    let list: ListStreaksResponse = try await call(methods.listStreaks, person.authorization, ListStreaksRequest())
    for habit in person.habits {
      guard let streak = list.streaks.first(where: { $0.habitId == habit.id }), streak.total == habit.countedBefore
      else {
        throw .wrong("ListStreaks: not what the sign-up has answered")
      }
    }
    return person
  }

  /// Makes a person of the population: an account with a history that counts, and a second device
  /// if a journey needs one.
  func makePerson() async throws(CallFailure) -> LoadPerson {
    let ids = (0..<settings.habitCount).map { _ in randomBytes(count: 16) }
    let address = email()
    let person = try await makeAccount(
      claim(session: randomBytes(count: 16), secret: randomBytes(count: 32), isAnchored: false, habits: ids),
      habits: ids,
      email: address)
    if settings.mix.contains(.watch) {
      let reply: SignInResponse = try await call(
        methods.signIn, [],
        SignInRequest(
          email: address, password: Self.password, device: Device(deviceId: randomBytes(count: 16), name: "second")))
      person.secondAuthorization = Array("Bearer \(reply.tokens?.accessToken ?? "")".utf8)
    }
    // The first pull. Writes are counted from its cursor, because signing in on a device is a
    // change as well.
    var request = SyncRequest(userId: person.userID, pageSize: 5_000)
    while true {
      let state: SyncResponse = try await call(methods.sync, person.authorization, request)
      guard let cursor = state.cursor else { throw .wrong("Sync: no cursor") }
      request.cursor = cursor
      guard !state.hasMore else { continue }
      person.startCounting(from: cursor)
      break
    }
    return person
  }

  private func makeAccount(
    _ claim: SessionClaim, habits: [[UInt8]], email address: String? = nil
  ) async throws(CallFailure) -> LoadPerson {
    let device = randomBytes(count: 16)
    let entries = Int32(clamping: claim.captured?.entries.count ?? 0)
    let reply: SignUpResponse = try await call(
      methods.signUp, [],
      SignUpRequest(
        idempotencyKey: randomBytes(count: 16), email: address ?? email(), password: Self.password,
        device: Device(deviceId: device, name: "load"), session: claim))
    guard let account = reply.account, let tokens = reply.tokens, let migration = reply.migration else {
      throw .wrong("SignUp: no account, tokens or migration")
    }
    let kept = migration.habits.reduce(0) { $0 + $1.daysCounted + $1.daysQuarantined + $1.daysUndone }
    guard migration.rejected.isEmpty, kept == entries, migration.habits.count == habits.count else {
      throw .wrong(
        "SignUp: \(kept) of \(entries) days and \(migration.habits.count) of \(habits.count) habits were migrated")
    }
    var made: [LoadHabit] = []
    for id in habits {
      guard let habit = migration.habits.first(where: { $0.capturedHabitId == id }), habit.habitId == id else {
        throw .wrong("SignUp: a habit was not migrated under its id")
      }
      made.append(
        LoadHabit(
          id: id, counted: habit.daysCounted, held: habit.daysCounted + habit.daysQuarantined,
          lastDay: claim.captured?.entries.last?.day ?? 0))
    }
    return LoadPerson(
      userID: account.userId, deviceID: device, accessToken: tokens.accessToken, habits: made,
      changeNumber: account.changeNumber)
  }
}
