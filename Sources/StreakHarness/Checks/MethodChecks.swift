internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import SplitMix

/// Checks one method of a server against everything that the schema states about it.
final class MethodChecks {
  /// Most bytes of a request in the report.
  static let requestBytesShown = 8_000

  let method: MethodSchema
  let settings: HarnessSettings
  let schema: ServiceSchema
  let caller: Caller
  let shared: SharedPeople
  private(set) var suite: Suite
  /// The caller of these requests; a new one after a call that ended the credentials.
  var person: Person
  private var people = 0
  private var shrinkAttemptsLeft = Shrinker.attemptsPerMethodMax

  init(
    _ method: MethodSchema, _ settings: HarnessSettings, _ schema: ServiceSchema, _ caller: Caller,
    _ shared: SharedPeople
  ) {
    self.method = method
    self.settings = settings
    self.schema = schema
    self.caller = caller
    self.shared = shared
    suite = Suite(name: method.label)
    person = Person(schema, caller, SplitMix64(seed: settings.seed, name: method.path))
  }

  var needsPerson: Bool { method.authentication == MethodSchema.authenticationUser }

  func run() async -> Suite {
    let started = WallClock.nowMilliseconds
    do {
      if method.isConnectOnly, settings.rpcProtocol != .connect, settings.rpcProtocol != .connectJSON {
        let request = try await RequestBuilder(person, form: .full).request(of: method)
        try await check("another protocol than Connect", request, .connectRequired)
        suite.skipped = "all that only a call by Connect can show"
      } else if schema.tokens[method.authentication] == nil, schema.givenTokens[method.authentication] == nil,
        method.authentication != MethodSchema.authenticationNone
      {
        // No call gives these credentials.
        let request = DynamicMessage(method.request)
        guard await caller.call(method, [], token: nil).status?.code != .unimplemented else {
          suite.skipped = "the server does not have it"
          return suite
        }
        try await checkAuthentication(request)
        suite.skipped = "whatever needs its credentials, which no call gives"
      } else {
        try await checkAll()
      }
    } catch {
      fail("journey", expected: "to go on", actual: "\(error)", request: "", credentials: "")
    }
    finish(since: started)
    return suite
  }

  private func checkAll() async throws {
    let request = try await RequestBuilder(person, form: .full).request(of: method)
    if needsPerson { _ = try await person.token(for: method) }
    let before = needsPerson ? try await person.snapshot() : [:]
    try await checkAuthentication(request)
    try await checkRules(request)
    try await checkMalformed(request)
    if needsPerson {
      try await checkOthers(request)
      try await checkUnchanged(since: before)
    }
    guard !method.effects.isConditional else {
      try await check("valid, every field set", consistent(request), .successOrHistory)
      suite.skipped = "success, which depends on more than calls"
      return
    }
    try await checkItems(request)
    try await checkSuccess(consistent(request))
    try await checkBoundaries()
    try await checkLists()
    try await checkFuzz()
  }

  /// A person without earlier calls.
  func newPerson() {
    people += 1
    person = Person(schema, caller, SplitMix64(seed: settings.seed &+ UInt64(people), name: method.path))
  }

  func consistent(_ request: DynamicMessage, except: FieldPath? = nil) -> DynamicMessage {
    var request = request
    RequestBuilder(person, form: .full).makeConsistent(&request, except: except)
    return request
  }

  // MARK: One check

  /// Makes a call and judges the reply; the request of a failure is shrunk.
  /// - Parameter keep: The place that the check is about.
  @discardableResult
  func check(
    _ name: String, _ request: DynamicMessage, _ expectation: Expectation, keep: FieldPath? = nil
  ) async throws -> Reply {
    let token = try await person.token(for: method)
    let bytes = request.protobuf(schema)
    guard settings.rpcProtocol != .connectJSON || caller.canWriteJSON(bytes, of: method) else { return Reply() }
    let reply = await caller.call(method, bytes, token: token)
    if reply.status == nil { try person.learn(method, request, reply) }
    guard let problem = expectation.problem(reply, to: request, of: method, schema) else {
      suite.passed.append(name)
      return reply
    }
    var shrinker = Shrinker(schema: schema, keep: keep, attemptsLeft: shrinkAttemptsLeft)
    let smallest = await shrinker.shrink(request) { candidate in
      let candidate = self.consistent(candidate, except: keep)
      let reply = await self.caller.call(self.method, candidate.protobuf(self.schema), token: token)
      if reply.status == nil { try? self.person.learn(self.method, candidate, reply) }
      return expectation.problem(reply, to: candidate, of: self.method, self.schema) == problem
    }
    shrinkAttemptsLeft = shrinker.attemptsLeft
    fail(name, expected: expectation.text, actual: problem, request: smallest, credentials: credentials)
    return reply
  }

  var credentials: String {
    switch method.authentication {
    case MethodSchema.authenticationNone: "none"
    case MethodSchema.authenticationAdmin: "the operator"
    default: "a new person" + (schema.tokens[method.authentication]?.prefix == "" ? "" : " (no account)")
    }
  }

  func skip(_ what: String) { suite.skipped = what }

  func finish(since started: Int64) { suite.seconds = Double(WallClock.nowMilliseconds - started) / 1000 }

  func pass(_ name: String) { suite.passed.append(name) }

  func fail(_ name: String, expected: String, actual: String, request: DynamicMessage, credentials: String) {
    fail(name, expected: expected, actual: actual, request: request.json(schema).text, credentials: credentials)
  }

  func fail(_ name: String, expected: String, actual: String, request: String, credentials: String) {
    let shown =
      request.utf8.count > Self.requestBytesShown ? String(request.prefix(Self.requestBytesShown)) + "..." : request
    suite.failures.append(
      Failure(
        method: method.label, check: name, expected: expected, actual: actual, request: shown, credentials: credentials,
        replay:
          "streak-harness --address \(settings.address) --seed \(settings.seed) --only \(method.label)\(settings.limits ? " --limits" : "")\(settings.protocolOptions)"
      ))
  }

  // MARK: Refusals

  /// Without the right credentials every call fails, with the same reply.
  private func checkAuthentication(_ request: DynamicMessage) async throws {
    guard method.authentication != MethodSchema.authenticationNone else { return }
    var attempts: [(name: String, authorization: String?)] = [
      ("no credentials", nil), ("garbage", "Bearer \(person.canary)"), ("no token", "Bearer"),
    ]
    if let token = try await person.token(for: method) {
      let end = token.dropLast().last == "A" ? "B" : "A"
      attempts.append(("another scheme", "Basic " + token))
      attempts.append(
        ("a token with another last letter but one", "Bearer " + token.dropLast(2) + end + token.suffix(1)))
      attempts.append(("half a token", "Bearer " + token.prefix(token.count / 2)))
    }
    for (kind, token) in try await shared.tokens() where kind != method.authentication {
      attempts.append(("a token of \(schema.name(of: kind, in: "streak.v1.Authentication"))", "Bearer " + token))
    }
    if needsPerson, let ended = try await shared.endedToken() {
      attempts.append(("a revoked token", "Bearer " + ended))
    }
    var first: Reply?
    for attempt in attempts {
      let name = "credentials: \(attempt.name)"
      let reply = await caller.call(method, request.protobuf(schema), authorization: attempt.authorization)
      if let problem = Expectation.unauthenticated.problem(reply, to: request, of: method, schema) {
        fail(
          name, expected: Expectation.unauthenticated.text, actual: problem, request: request, credentials: attempt.name
        )
      } else if let reference = first, reference.status != reply.status {
        fail(
          name, expected: "the same reply as without credentials: \(reference.summary)", actual: reply.summary,
          request: request, credentials: attempt.name)
      } else {
        pass(name)
        first = first ?? reply
      }
    }
  }

  private func checkRules(_ request: DynamicMessage) async throws {
    for mutation in RuleViolations(schema, of: request).all where mutation.judged == nil {
      var broken = request
      broken.update(mutation.path, mutation.apply)
      let path = "\(mutation.path)"
      try await check(
        "rule \(mutation.rule) of \(path)", broken, .brokenRule(path), keep: mutation.path)
    }
  }

  /// Bytes that are not a message, and unknown fields.
  private func checkMalformed(_ request: DynamicMessage) async throws {
    guard settings.rpcProtocol != .connectJSON else { return }
    let bytes = request.protobuf(schema)
    let token = try await person.token(for: method)
    var attempts: [(name: String, bytes: [UInt8])] = [
      ("a tag without a value", bytes + [0x08]), ("field number 0", bytes + [0x00, 0x00]),
      ("wire type 7", bytes + [0x0F]),
      ("a length beyond the end", bytes + [0x0A, 0x7F, 0x00]),
      ("an endless number", bytes + [0x08] + [UInt8](repeating: 0xFF, count: 11)),
      ("an end of a group that never began", bytes + [0x0C]),
    ]
    if !bytes.isEmpty { attempts.append(("its last byte missing", Array(bytes.dropLast()))) }
    if let field = schema.message(method.request).fields.first(where: { $0.type == .string && !$0.isRepeated }) {
      var invalid = request
      invalid[field] = .bytes([0x61, 0xFF, 0xFE])
      attempts.append(("\(field.name) is no UTF-8", invalid.protobuf(schema)))
    }
    for attempt in attempts {
      let reply = await caller.call(method, attempt.bytes, token: token)
      if let problem = Expectation.malformed.problem(reply, to: request, of: method, schema) {
        fail(
          "malformed: \(attempt.name)", expected: Expectation.malformed.text, actual: problem,
          request: "bytes " + attempt.bytes.hexadecimal, credentials: credentials)
      } else {
        pass("malformed: \(attempt.name)")
      }
    }
  }

  /// Uses the ids of another user: the caller must neither learn nor change anything.
  private func checkOthers(_ request: DynamicMessage) async throws {
    guard !holdsSecret(request) else { return }
    let stranger = try await shared.stranger()
    let token = try await stranger.token(for: method)
    let reply = await caller.call(method, request.protobuf(schema), token: token)
    let name = "a stranger names this person's things"
    if let problem = Expectation.anythingTyped.problem(reply, to: request, of: method, schema) {
      fail(name, expected: Expectation.anythingTyped.text, actual: problem, request: request, credentials: "a stranger")
    } else if reply.messages.contains(where: { contains($0, canaryOf: person, sent: request) }) {
      fail(
        name, expected: "nothing of this person's", actual: "OK with this person's text in the reply", request: request,
        credentials: "a stranger")
    } else {
      pass(name)
    }
    if reply.status == nil { shared.forgetStranger() }
    // The other user's own data is protected as well: this person asks for it.
    if method.isReadOnly {
      let ours = await caller.call(method, request.protobuf(schema), token: try await person.token(for: method))
      let other = try await shared.stranger()
      if ours.messages.contains(where: { contains($0, canaryOf: other, sent: DynamicMessage(method.request)) }) {
        fail(
          "nothing of a stranger's is shown", expected: "only this person's",
          actual: "OK with a stranger's text in the reply",
          request: request, credentials: credentials)
      } else {
        pass("nothing of a stranger's is shown")
      }
    }
  }

  private func holdsSecret(_ message: DynamicMessage) -> Bool {
    schema.message(message.type).fields.contains { field in
      message.fields[field.number] != nil
        && (field.meaning.isSecret || message.messages(field).contains { holdsSecret($0) })
    }
  }

  /// Whether a reply holds text of another person that the request did not hold.
  private func contains(_ reply: [UInt8], canaryOf person: Person, sent request: DynamicMessage) -> Bool {
    let canary = Array(person.canary.utf8)
    func holds(_ bytes: [UInt8]) -> Bool {
      guard bytes.count >= canary.count else { return false }
      return (0...bytes.count - canary.count).contains { bytes[$0..<$0 + canary.count].elementsEqual(canary) }
    }
    return holds(reply) && !holds(request.protobuf(schema))
  }

  private func checkUnchanged(since before: [String: DynamicMessage]) async throws {
    let after = try await person.snapshot()
    let changed = before.keys.filter { before[$0] != after[$0] }.sorted()
    if changed.isEmpty {
      pass("refused calls leave no trace")
    } else {
      fail(
        "refused calls leave no trace", expected: "what read-only methods show to stay",
        actual: "changed: \(changed.joined(separator: ", "))",
        request: "all refused above", credentials: credentials)
    }
  }

  // MARK: Items judged one by one

  private func checkItems(_ request: DynamicMessage) async throws {
    for field in schema.message(method.request).fields where field.isJudgedApart && field.isRepeated {
      let items = request.messages(field)
      guard let good = items.first else { continue }
      for mutation in RuleViolations(schema, of: request).all {
        guard let place = mutation.judged, place.list.number == field.number else { continue }
        var broken = request
        broken.update(mutation.path, mutation.apply)
        // The broken item first, then a valid one, which must be accepted.
        broken.fields[field.number] = [.message(broken.messages(field)[place.index]), .message(good)]
        var keep = mutation.path
        keep.steps[0].index = 0
        try await check(
          "rule \(mutation.rule) of \(mutation.path)", consistent(broken, except: keep),
          .refusedItem(list: field.name, index: 0),
          keep: keep)
      }
    }
  }

  // MARK: Success

  /// A valid request succeeds, also with unknown fields. Repeated, it must not change anything
  /// more.
  private func checkSuccess(_ request: DynamicMessage) async throws {
    let bytes = request.protobuf(schema)
    let token = try await person.token(for: method)
    var unknown: [UInt8] = []
    unknown.append(19_999_999, payload: Array("unknown".utf8))
    unknown.appendNumber(18_999_999 << 3)
    unknown.appendNumber(.max)
    let expectation: Expectation = .success
    let first = await caller.call(method, bytes + unknown, token: token)
    guard first.status == nil, expectation.problem(first, to: request, of: method, schema) == nil else {
      // Repeated without unknown fields, to find out which of the two causes the failure.
      let plain = try await check("valid, every field set", consistent(request), expectation)
      if plain.status == nil {
        fail(
          "unknown fields are tolerated", expected: expectation.text, actual: first.summary,
          request: "bytes " + (bytes + unknown).hexadecimal, credentials: credentials)
      }
      return
    }
    pass("valid, every field set")
    pass("unknown fields are tolerated")
    try person.learn(method, request, first)
    if method.isIdempotent { try await checkReplay(bytes + unknown, request, first, token) }
    if method.effects.endsCredentials { newPerson() }
    let smallest = try await RequestBuilder(person, form: .smallest).request(of: method)
    try await check("valid, only what is required", smallest, .success)
    if method.effects.endsCredentials { newPerson() }
    if method.authentication == MethodSchema.authenticationNone {
      let request = try await RequestBuilder(person, form: .smallest).request(of: method)
      let reply = await caller.call(method, request.protobuf(schema), authorization: "Bearer nonsense")
      if reply.status == nil {
        pass("credentials: needless ones are ignored")
        try person.learn(method, request, reply)
      } else {
        fail(
          "credentials: needless ones are ignored", expected: "OK", actual: reply.summary, request: request,
          credentials: "garbage")
      }
    }
  }

  private func checkReplay(_ bytes: [UInt8], _ request: DynamicMessage, _ first: Reply, _ token: String?) async throws {
    let hasState = needsPerson && !method.effects.endsCredentials
    let before = hasState ? try await person.snapshot() : [:]
    let second = await caller.call(method, bytes, token: token)
    let name = "the same again"
    if method.effects.endsCredentials, second.status?.code == .unauthenticated { return pass(name) }
    if let problem = Expectation.success.problem(second, to: request, of: method, schema) {
      fail(name, expected: "OK, as the first time", actual: problem, request: request, credentials: credentials)
    } else if method.effects.hasSameReply, second.messages != first.messages {
      fail(
        name, expected: "the very bytes of the first reply", actual: "OK with another reply", request: request,
        credentials: credentials)
    } else if hasState, case let after = try await person.snapshot(), after != before {
      let changed = before.keys.filter { before[$0] != after[$0] }.sorted().joined(separator: ", ")
      fail(
        name, expected: "no further effect", actual: "changed: \(changed)", request: request, credentials: credentials)
    } else {
      pass(name)
    }
  }

  /// The largest and smallest values that the rules allow must be accepted.
  private func checkBoundaries() async throws {
    let shape = try await RequestBuilder(person, form: .full).request(of: method)
    let count = BoundaryValues(schema, of: shape, by: RequestBuilder(person, form: .full)).all.count
    for index in 0..<count {
      let builder = RequestBuilder(person, form: .full)
      let request = try await builder.request(of: method)
      let mutations = BoundaryValues(schema, of: request, by: builder).all
      guard index < mutations.count else { break }
      let mutation = mutations[index]
      var changed = request
      changed.update(mutation.path, mutation.apply)
      let reply = try await check(
        "boundary \(mutation.rule) of \(mutation.path)", consistent(changed, except: mutation.path), .success,
        keep: mutation.path)
      if method.effects.endsCredentials, reply.status == nil { newPerson() }
    }
  }
}
