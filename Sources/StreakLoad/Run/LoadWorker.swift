internal import DequeModule
internal import EventLoop
internal import ProtobufCodec
internal import SplitMix

/// One loop's share of a run: its connections, its people, and the journeys that they make.
/// Loop-confined.
@safe final class LoadWorker {
  /// Arrivals within this time of each other start together: a timer for each would cost as much as
  /// a call.
  static let arrivalGrainNanoseconds: UInt64 = 50_000
  /// How long a caller of a closed loop pauses if there is no connection.
  static let pauseMilliseconds: UInt64 = 50

  private(set) var settings: LoadSettings
  let methods: LoadMethods
  let channel: LoadChannel
  /// The prefix of this run's notes.
  let runName: String
  var loop: EventLoop { channel.loop }
  var randomness: SplitMix64
  var recorder: Recorder
  private(set) var people: [LoadPerson] = []
  /// People who signed up during the run.
  var newPeople: [LoadPerson] = []
  private var idle: [LoadPerson] = []
  private var waitingForPerson = unsafe Deque<UnsafeContinuation<Void, Never>>()
  private(set) var openJourneys = 0
  private var isOver = false
  private var schedule: ArrivalSchedule?
  private var timer: FineTimer?
  private var startNanoseconds: UInt64 = 0
  private var endNanoseconds: UInt64 = 0
  private var recordsFromNanoseconds: UInt64 = 0
  let index: Int

  init(index: Int, settings: LoadSettings, server: LoadServer, runName: String, loop: EventLoop) {
    self.index = index
    self.settings = settings
    self.runName = runName
    methods = LoadMethods(server)
    recorder = Recorder(methodCount: methods.all.count)
    randomness = SplitMix64(seed: settings.seed &* 1_000_003 &+ UInt64(index))
    channel = LoadChannel(
      server, connectionCount: max(1, settings.connectionCount / settings.loopCount), loop: loop)
  }

  func add(_ person: LoadPerson) {
    people.append(person)
    idle.append(person)
  }

  /// Removes the counts of an earlier run, and takes another run's settings.
  func prepare(_ settings: LoadSettings) {
    self.settings = settings
    recorder = Recorder(methodCount: methods.all.count)
    isOver = false
  }

  /// Starts the run, until `stop()`.
  func start(atNanoseconds start: UInt64) {
    startNanoseconds = start
    endNanoseconds = start + UInt64(settings.seconds * 1e9)
    recordsFromNanoseconds = start + UInt64(settings.warmUpSeconds * 1e9)
    let bound = LoopBound(self, loop: loop)
    switch settings.mode {
    case .closed(let callers):
      let share = (0..<callers).filter { $0 % settings.loopCount == index }.count
      for _ in 0..<share { Task(executorPreference: loop) { await bound.value.callAgainAndAgain() } }
    case .open(let rate):
      schedule = ArrivalSchedule(
        rate: rate, startRate: settings.rampSeconds > 0 ? rate / 100 : nil,
        rampNanoseconds: UInt64(settings.rampSeconds * 1e9), spacing: settings.isPoisson ? .poisson : .even,
        seed: settings.seed, loop: index, loopCount: settings.loopCount)
      nextArrival = start + (schedule?.next() ?? 0)
      timer = FineTimer(loop: loop) { [unowned self] in arrive() }
      timer?.fire(atNanoseconds: nextArrival)
    }
  }

  private var nextArrival: UInt64 = 0

  /// Starts the due journeys.
  private func arrive() {
    let bound = LoopBound(self, loop: loop)
    let now = MonotonicClock.nowNanoseconds
    while !isOver, nextArrival <= now, nextArrival < endNanoseconds {
      let intended = nextArrival
      nextArrival = startNanoseconds + (schedule?.next() ?? 0)
      guard openJourneys < settings.openJourneysMax else {
        recorder.notStarted += 1
        recorder.interval.failureCount += 1
        continue
      }
      let kind = settings.mix.draw(&randomness)
      Task(executorPreference: loop) { await bound.value.journey(kind, intendedAtNanoseconds: intended) }
    }
    guard !isOver, nextArrival < endNanoseconds else { return }
    timer?.fire(atNanoseconds: max(nextArrival, now + Self.arrivalGrainNanoseconds))
  }

  private func callAgainAndAgain() async {
    while !isOver {
      let kind = settings.mix.draw(&randomness)
      let isConnected = await journey(kind, intendedAtNanoseconds: MonotonicClock.nowNanoseconds)
      if !isConnected { await loop.sleep(milliseconds: Self.pauseMilliseconds) }
    }
  }

  /// Starts no further journeys.
  func stop() {
    isOver = true
    timer = nil
  }

  /// One journey, counted.
  /// - Returns: false if there was no connection.
  @discardableResult
  private func journey(_ kind: JourneyKind, intendedAtNanoseconds intended: UInt64) async -> Bool {
    openJourneys += 1
    defer { openJourneys -= 1 }
    // An idle person is taken without suspending, because every call goes through here.
    var person = kind.needsPerson ? idlePerson() : nil
    if person == nil, kind.needsPerson { person = await takePerson() }
    let begun = MonotonicClock.nowNanoseconds
    let isRecorded = intended >= recordsFromNanoseconds
    if isRecorded { recorder.lateness.record(Int64(clamping: begun - intended)) }
    var failure: CallFailure?
    do throws(CallFailure) {
      try await make(kind, person)
    } catch {
      failure = error
    }
    if let person { giveBack(person) }
    if let failure {
      if isRecorded { recorder.failed(kind, failure) }
      return failure != .notConnected
    }
    if isRecorded { recorder.succeeded(kind, nanoseconds: MonotonicClock.nowNanoseconds &- intended) }
    return true
  }

  private func make(_ kind: JourneyKind, _ person: LoadPerson?) async throws(CallFailure) {
    guard let person else {
      if kind == .check { try await check() } else { newPeople.append(try await signUp()) }
      return
    }
    if person.hasUnanswered { try await resendUnanswered(person) }
    switch kind {
    case .read: try await read(person)
    case .record: try await record(person)
    case .sync: try await sync(person)
    case .watch: try await watch(person)
    case .export: try await export(person)
    case .check, .signUp: break
    }
  }

  /// A person without a running journey; nil if there is none.
  private func idlePerson() -> LoadPerson? {
    guard !idle.isEmpty else { return nil }
    let place = randomness.index(below: idle.count)
    if place != idle.count - 1 { idle.swapAt(place, idle.count - 1) }
    return idle.popLast()
  }

  /// A person without a running journey; suspends until there is one.
  private func takePerson() async -> LoadPerson {
    while true {
      if let person = idlePerson() { return person }
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        unsafe waitingForPerson.append(continuation)
      }
    }
  }

  private func giveBack(_ person: LoadPerson) {
    idle.append(person)
    if let next = unsafe waitingForPerson.popFirst() { unsafe next.resume() }
  }

  // MARK: Calls

  /// Makes a call and decodes its only response.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: LoadMethod, _ authorization: [UInt8], _ request: Request, _ type: Response.Type = Response.self
  ) async throws(CallFailure) -> Response {
    try await call(method, authorization, encoded: { request.append(to: &$0) })
  }

  func call<Response: ProtobufMessage>(
    _ method: LoadMethod, _ authorization: [UInt8], encoded request: (inout [UInt8]) -> Void,
    _ type: Response.Type = Response.self
  ) async throws(CallFailure) -> Response {
    let begun = MonotonicClock.nowNanoseconds
    switch await channel.unary(method, authorization: authorization, request) {
    case .failed(let failure):
      count(method, failure)
      throw failure
    case .reply(let bytes):
      recorder.calls[method.index].latency.record(Int64(clamping: MonotonicClock.nowNanoseconds &- begun))
      do throws(DecodeError) {
        return try Response(protobufBytes: bytes)
      } catch {
        throw .wrong("\(method.label): the response cannot be decoded: \(error)")
      }
    }
  }

  func count(_ method: LoadMethod, _ failure: CallFailure) {
    Recorder.count(failure, &recorder.calls[method.index].failures)
  }
}
