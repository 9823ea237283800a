internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import SplitMix

/// Runs one scenario against a server: the first step with another result than written ends it.
final class ScenarioRunner {
  private let schema: ServiceSchema
  private let caller: Caller
  private let scenario: ScenarioFile.Scenario
  private let file: String
  private let settings: HarnessSettings
  private var values = ScenarioValues()
  private var devices: [String: ScenarioDevice] = [:]
  private var current: ScenarioDevice?
  private var suite: Suite

  /// The last call, for the steps that check its reply or repeat it.
  private var last:
    (method: MethodSchema, requests: [DynamicMessage], takesAll: Bool, reply: Reply, device: ScenarioDevice)?
  private var before: Reply?

  init(
    _ scenario: ScenarioFile.Scenario, file: String, _ schema: ServiceSchema, _ caller: Caller,
    _ settings: HarnessSettings
  ) {
    self.scenario = scenario
    self.file = file
    self.schema = schema
    self.caller = caller
    self.settings = settings
    suite = Suite(name: "\(scenario.name) \(scenario.title)")
  }

  func run() async -> Suite {
    let started = WallClock.nowMilliseconds
    var expectsLook = false
    for step in scenario.steps {
      do {
        let looks = ["reply", "refused", "outcomes", "same", "save", "join"].contains(step.verb)
        // A call that no step checks must succeed.
        if !looks, expectsLook { try expectSuccess() }
        expectsLook = looks ? false : ["call", "sync", "again"].contains(step.verb)
        try await play(step)
        suite.passed.append("line \(step.line): \(step.verb)")
      } catch {
        suite.failures.append(
          Failure(
            method: last?.method.label ?? "",
            check: "\(file) line \(step.line): \(step.verb) \(step.words.joined(separator: " "))",
            expected: step.json?.text ?? step.words.joined(separator: " "), actual: "\(error)",
            request: last?.requests.first?.json(schema).text ?? "", credentials: "the scenario's device",
            replay:
              "streak-harness --address \(settings.address) --scenario \(file) --only \(scenario.name)\(settings.protocolOptions)"
          ))
        break
      }
    }
    if expectsLook, suite.failures.isEmpty {
      do { try expectSuccess() } catch {
        suite.failures.append(
          Failure(
            method: last?.method.label ?? "", check: "\(file): the last call", expected: "OK", actual: "\(error)",
            request: last?.requests.first?.json(schema).text ?? "", credentials: "the scenario's device",
            replay:
              "streak-harness --address \(settings.address) --scenario \(file) --only \(scenario.name)\(settings.protocolOptions)"
          ))
      }
    }
    suite.seconds = Double(WallClock.nowMilliseconds - started) / 1000
    return suite
  }

  private func expectSuccess() throws {
    guard let last, last.reply.status != nil else { return }
    throw HarnessError("the call before was refused: \(last.reply.summary)")
  }

  private func play(_ step: ScenarioFile.Step) async throws {
    switch step.verb {
    case "person": try await addPerson(try word(step, 0))
    case "stranger": addStranger(try word(step, 0))
    case "device": try await addDevice(try word(step, 0), of: try word(step, 2))
    case "as": current = try device(try word(step, 0))
    case "clock": try setClock(step)
    case "zone": try setZone(step)
    case "call": try await call(try word(step, 0), step)
    case "queue": try enqueue(step)
    case "sync": try await sync()
    case "again": try await again()
    case "reply": try lookAtReply(step)
    case "outcomes": try lookAtOutcomes(step)
    case "refused": try lookAtRefusal(step)
    case "same": try lookAtSameness()
    case "save": try save(step)
    case "join": try join(step)
    case "equal": try await compare(step.words)
    default: throw HarnessError("there is no step \(step.verb)")
    }
  }

  private func word(_ step: ScenarioFile.Step, _ index: Int) throws -> String {
    guard index < step.words.count else { throw HarnessError("\(step.verb) needs more words") }
    return step.words[index]
  }

  private func device(_ name: String) throws -> ScenarioDevice {
    guard let device = devices[name] else { throw HarnessError("there is no device \(name)") }
    return device
  }

  private func acting() throws -> ScenarioDevice {
    guard let current else { throw HarnessError("a step needs a person or stranger before it") }
    return current
  }

  private func method(_ name: String) throws -> MethodSchema {
    guard let method = schema.methods.first(where: { $0.label == name || $0.path == "/" + name }) else {
      throw HarnessError("there is no method \(name)")
    }
    return method
  }

  // MARK: People and clocks

  /// A person with an account; the device that signed up has the person's name.
  private func addPerson(_ name: String) async throws {
    addStranger(name)
    let device = try acting()
    device.token = try await device.person.token(MethodSchema.authenticationUser)
  }

  /// A person without an account.
  private func addStranger(_ name: String) {
    let device = ScenarioDevice(Person(schema, caller, SplitMix64(seed: settings.seed, name: scenario.name + name)))
    devices[name] = device
    current = device
  }

  /// Another device of a person: it signs in.
  private func addDevice(_ name: String, of owner: String) async throws {
    let person = try device(owner).person
    let device = ScenarioDevice(person)
    devices[name] = device
    current = device
    guard
      case .object(let members) = try values.expand(
        .object([
          ("email", .string("$my.email")), ("password", .string("$my.password")),
          ("device", .object([("deviceId", .string("$device_\(name)")), ("name", .string(name))])),
        ]), device, schema)
    else { return }
    let signIn = try method("AccountService/SignIn")
    let request = try DynamicMessage(signIn.request, json: .object(members), schema)
    let reply = await caller.call(signIn, request.protobuf(schema), token: nil)
    guard let bytes = reply.messages.first, reply.status == nil else {
      throw HarnessError("no sign-in: \(reply.summary)")
    }
    let response = try DynamicMessage(signIn.response, bytes: bytes, schema)
    device.token = String(
      decoding: response.message("tokens", schema)?.bytes("access_token", schema) ?? [], as: UTF8.self)
  }

  /// `clock +3600`, in seconds; `clock 0` sets it to the machine's time.
  private func setClock(_ step: ScenarioFile.Step) throws {
    guard let seconds = Int64(try word(step, 0)) else { throw HarnessError("a clock is set by seconds, such as +3600") }
    try acting().clockMilliseconds = seconds * 1000
  }

  /// `zone Asia/Kathmandu +5:45`, then optionally `start 04:00`.
  private func setZone(_ step: ScenarioFile.Step) throws {
    let device = try acting()
    device.zone = try word(step, 0)
    device.offsetSeconds = try ScenarioValues.minutes(String(try word(step, 1).drop { $0 == "+" })) * 60
    if step.words.count >= 4, step.words[2] == "start" {
      device.dayStartMinutes = try ScenarioValues.minutes(step.words[3])
    }
  }

  // MARK: Calls

  private func send(
    _ method: MethodSchema, _ requests: [DynamicMessage], takesAll: Bool = false, _ device: ScenarioDevice
  ) async throws {
    var token = device.token
    if method.authentication == MethodSchema.authenticationNone {
      token = nil
    } else if method.authentication != MethodSchema.authenticationUser {
      token = try await device.person.token(for: method)
    }
    before = last?.reply
    let reply = await caller.call(
      method, requests.map { $0.protobuf(schema) }, authorization: token.map { "Bearer " + $0 }, takesAll: takesAll)
    last = (method, requests, takesAll, reply, device)
    guard reply.status == nil else { return }
    for request in requests { try device.person.learn(method, request, reply) }
    // After a sign-up or a refresh the device uses the new credentials.
    if method.authentication == MethodSchema.authenticationNone, method.effects.provides.contains("access_token"),
      case .bytes(let token)? = device.person.value("access_token")
    {
      device.token = String(decoding: token, as: UTF8.self)
    }
  }

  private func call(_ name: String, _ step: ScenarioFile.Step) async throws {
    let method = try method(name)
    let device = try acting()
    var parts = [step.json ?? JSONValue.object([JSONValue.Member]())]
    if method.clientStreams, case .array(let several)? = step.json { parts = several }
    var requests: [DynamicMessage] = []
    for part in parts {
      var request = try DynamicMessage(method.request, json: try values.expand(part, device, schema), schema)
      if !step.words.contains("raw") { RequestBuilder(device.person, form: .full).setManifests(&request) }
      requests.append(request)
    }
    try await send(method, requests, takesAll: step.words.contains("whole"), device)
  }

  private func again() async throws {
    guard let last else { throw HarnessError("there was no call before") }
    try await send(last.method, last.requests, takesAll: last.takesAll, last.device)
  }

  private func enqueue(_ step: ScenarioFile.Step) throws {
    let device = try acting()
    let json = try values.expand(step.json ?? JSONValue.object([JSONValue.Member]()), device, schema)
    var operation = try DynamicMessage("streak.v1.Operation", json: json, schema)
    let operationSchema = schema.message("streak.v1.Operation")
    device.lastSeq += 1
    for field in operationSchema.fields where operation.fields[field.number] == nil {
      switch field.name {
      case "seq": operation[field] = .number(device.lastSeq)
      case "hybrid_time": operation[field] = .number(device.nextHybridTime())
      case "seen":
        guard var cursor = device.cursor else { continue }
        if let resume = schema.message(cursor.type).field(named: "resume") { cursor[resume] = nil }
        operation[field] = .message(cursor)
      default: break
      }
    }
    device.queue.append(operation)
  }

  private func sync() async throws {
    let device = try acting()
    let method = try method("SyncService/Sync")
    try await synchronise(device, method)
  }

  /// One sync; the queue is kept until the server has answered.
  private func synchronise(_ device: ScenarioDevice, _ method: MethodSchema) async throws {
    let message = schema.message(method.request)
    var request = DynamicMessage(method.request)
    if let field = message.field(named: "user_id") { request[field] = device.person.value("user") }
    if let field = message.field(named: "cursor") { request[field] = device.cursor.map { .message($0) } }
    if let field = message.field(named: "operations"), !device.queue.isEmpty {
      request.fields[field.number] = device.queue.map { .message($0) }
    }
    if let field = message.field(named: "queue_drained") { request[field] = .number(1) }
    try await send(method, [request], device)
    guard let response = try reply() else { return }
    device.queue = []
    device.cursor = response.message("cursor", schema)
  }

  /// The last call's reply, for a complete stream the last one; nil if the call was refused.
  private func reply() throws -> DynamicMessage? {
    guard let last, last.reply.status == nil,
      let bytes = last.takesAll ? last.reply.messages.last : last.reply.messages.first
    else { return nil }
    return try DynamicMessage(last.method.response, bytes: bytes, schema)
  }

  // MARK: Looks

  private func lookAtReply(_ step: ScenarioFile.Step) throws {
    try expectSuccess()
    guard let last, let response = try reply() else { throw HarnessError("there is no reply") }
    let expected = try values.expand(step.json ?? JSONValue.object([JSONValue.Member]()), last.device, schema)
    let differences = response.differences(from: expected, schema)
    guard differences.isEmpty else { throw HarnessError(differences.joined(separator: "; ")) }
  }

  /// `outcomes applied rejected:FUTURE_DAY superseded applied:BACKFILL`.
  private func lookAtOutcomes(_ step: ScenarioFile.Step) throws {
    try expectSuccess()
    guard let response = try reply() else { throw HarnessError("there is no reply") }
    let outcomes = response.messages("outcomes", schema).map { outcome in
      let status = schema.name(of: outcome.number("status", schema), in: "streak.v1.OperationStatus").split(
        separator: "_"
      ).last
      let reason = outcome.number("reason", schema)
      let quarantine = outcome.number("quarantine_reason", schema)
      var text = status.map { $0.lowercased() } ?? "?"
      if reason != 0 { text += ":" + schema.name(of: reason, in: "streak.v1.ErrorReason") }
      if quarantine != 0 {
        text +=
          ":" + schema.name(of: quarantine, in: "streak.v1.QuarantineReason").dropFirst("QUARANTINE_REASON_".count)
      }
      return text
    }
    guard outcomes == step.words else { throw HarnessError("outcomes are \(outcomes.joined(separator: " "))") }
  }

  /// `refused CODE REASON`, then optionally `field PATH`.
  private func lookAtRefusal(_ step: ScenarioFile.Step) throws {
    guard let reply = last?.reply, let status = reply.status else { throw HarnessError("OK") }
    guard status.code.name == (try word(step, 0)), step.words.count < 2 || reply.reason == step.words[1] else {
      throw HarnessError(reply.summary)
    }
    if step.words.count >= 4, step.words[2] == "field", !reply.fieldPaths.contains(step.words[3]) {
      throw HarnessError(reply.summary)
    }
  }

  /// The last two replies must be equal byte for byte.
  private func lookAtSameness() throws {
    guard let last, let before, last.reply.messages == before.messages, last.reply.status == before.status else {
      throw HarnessError("the reply is another: \(last?.reply.summary ?? "none"), before \(before?.summary ?? "none")")
    }
  }

  /// `save NAME PATH`: stores a value of the last reply; the path has names of the schema joined
  /// with dots, and `NAME[3]` for an item.
  private func save(_ step: ScenarioFile.Step) throws {
    try expectSuccess()
    guard let response = try reply() else { throw HarnessError("there is no reply") }
    var value = response.json(schema)
    for part in try word(step, 1).split(separator: ".") {
      let name = part.prefix { $0 != "[" }
      guard case .object(let members) = value, let member = members.first(where: { $0.name == name }) else {
        throw HarnessError("the reply has no \(try word(step, 1))")
      }
      value = member.value
      if let index = Int(part.dropFirst(name.count + 1).dropLast()) {
        guard case .array(let items) = value, index < items.count else { throw HarnessError("\(part) is not there") }
        value = items[index]
      }
    }
    values.save(try word(step, 0), value)
  }

  /// `join NAME FIELD`: stores the joined bytes of a field in all replies of the last call.
  private func join(_ step: ScenarioFile.Step) throws {
    try expectSuccess()
    guard let last else { throw HarnessError("there was no call before") }
    let name = try word(step, 1)
    guard schema.message(last.method.response).field(named: name)?.isText == true else {
      throw HarnessError("the replies have no bytes \(name)")
    }
    var joined: [UInt8] = []
    for bytes in last.reply.messages {
      joined += try DynamicMessage(last.method.response, bytes: bytes, schema).bytes(name, schema)
    }
    values.save(try word(step, 0), .string(Base64.encode(joined, padding: true)))
  }

  /// `equal PHONE TABLET`: after a sync of each, their digests must be equal.
  private func compare(_ names: [String]) async throws {
    let method = try method("SyncService/Sync")
    var digests: [[UInt8]] = []
    for name in names {
      try await synchronise(try device(name), method)
      try expectSuccess()
      digests.append(try reply()?.message("digest", schema)?.bytes("sum", schema) ?? [])
    }
    guard let first = digests.first, !first.isEmpty, digests.allSatisfy({ $0 == first }) else {
      throw HarnessError("digests are \(digests.map(\.hexadecimal).joined(separator: ", "))")
    }
  }
}
