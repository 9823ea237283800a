import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import StreakLoad

/// The options of the load.
struct LoadOptions: ParsableArguments {
  enum Arrivals: String, ExpressibleByArgument, CaseIterable {
    case even, poisson
  }

  @Option(
    help:
      "Journeys and their weights: check, read, record, sync, watch, sign-up, export. An export may be refused while others are under way."
  )
  var mix: String = "read=60,record=20,sync=18,watch=1,sign-up=1"

  @Option(help: "Seconds of load, warm-up and ramp included; up to 86400.")
  var seconds: Double = 10

  @Option(help: "Seconds at the begin in which nothing is recorded.")
  var warmUpSeconds: Double = 0

  @Option(help: "People made before the run, 1 to 1000000; each costs the server a password hash.")
  var people: Int = 100

  @Flag(
    help:
      "Make the people straight in the tables of --database-file, a database that only tests use: no password hash for each."
  )
  var peopleBySql = false

  @Option(help: "Habits of each, 1 to 100.")
  var habits: Int = 3

  @Option(help: "Days of history of each habit, 0 to 400; as many as the service believes count.")
  var days: Int = 29

  @Option(help: "Sign-ups at once while people are made, 1 to 64.")
  var makers: Int = 8

  @Option(help: "Threads that make load, 1 to 64.")
  var loops: Int = 1

  @Option(help: "Connections, all threads together; 1 to 10000.")
  var connections: Int = 10

  @Option(help: "Operations in a sync at most, 1 to 100.")
  var operations: Int = 3

  @Option(
    help: "Journeys open at once at most, for each thread; what would begin beyond them counts as failed. 1 to 1000000."
  )
  var openJourneysMax: Int = 10_000

  @Option(help: "The gaps between arrivals of an open loop: equal, or random as of independent people.")
  var arrivals: Arrivals = .even

  @Option(help: "The seed of journeys and arrivals.")
  var seed: UInt64 = 0

  @Option(help: "Read the server's CPU time and memory from this process of the same machine.")
  var serverPid: Int32?

  @Option(help: "Read the server's CPU time and memory from its metrics, at streakd's --admin-listen.")
  var serverMetrics: String?

  @Flag(help: "Show nothing while it runs.")
  var quiet = false

  func settings() throws -> LoadSettings {
    guard let mix = JourneyMix(parsing: mix) else {
      throw ValidationError("--mix must be such as read=60,record=25,sync=15, of journeys that --help names.")
    }
    func check<Value: Comparable>(_ name: String, _ value: Value, _ range: ClosedRange<Value>) throws {
      guard range.contains(value) else {
        throw ValidationError("--\(name) must be from \(range.lowerBound) to \(range.upperBound).")
      }
    }
    try check("seconds", seconds, 0.1...86_400)
    try check("warm-up-seconds", warmUpSeconds, 0...seconds)
    try check("people", people, 1...1_000_000)
    try check("habits", habits, 1...100)
    try check("days", days, 0...400)
    try check("makers", makers, 1...64)
    try check("loops", loops, 1...64)
    try check("connections", connections, 1...10_000)
    try check("operations", operations, 1...100)
    try check("open-journeys-max", openJourneysMax, 1...1_000_000)
    guard people >= loops, connections >= loops else {
      throw ValidationError(
        "Every thread needs a person and a connection: --people and --connections must be --loops at least.")
    }
    var settings = LoadSettings(mix: mix)
    settings.seconds = seconds
    settings.warmUpSeconds = warmUpSeconds
    settings.personCount = people
    settings.habitCount = habits
    settings.dayCount = days
    settings.makerCount = makers
    settings.loopCount = loops
    settings.connectionCount = connections
    settings.operationsMax = operations
    settings.openJourneysMax = openJourneysMax
    settings.isPoisson = arrivals == .poisson
    settings.seed = seed
    return settings
  }

  func probe() throws -> ServerProbe? {
    guard serverPid == nil || serverMetrics == nil else {
      throw ValidationError("Give --server-pid or --server-metrics, not both.")
    }
    if let serverPid { return .process(serverPid) }
    guard let serverMetrics else { return nil }
    guard let address = SocketAddress(parsing: serverMetrics) else {
      throw ValidationError("--server-metrics must be ADDRESS:PORT or unix:PATH.")
    }
    return .metrics(address)
  }

  /// Connects, and makes the people.
  func begin(_ settings: LoadSettings, _ server: LoadServer, database: String?) async throws -> LoadRun {
    guard !peopleBySql || database != nil else {
      throw ValidationError("--people-by-sql needs --database-file, or STREAK_LOAD_DATABASE.")
    }
    let run = LoadRun(settings, server: server, probe: try probe())
    if let failure = await run.connect() {
      printError("\(server.address) cannot be reached: \(failure).\(ConnectionSecurity.advice(on: failure))")
      await run.close()
      throw ExitCode(EX_UNAVAILABLE)
    }
    if !quiet { printError("making \(settings.personCount) people") }
    if let failure = await run.makePeople(database: peopleBySql ? database : nil) {
      printError(failure)
      await run.close()
      throw ExitCode(1)
    }
    return run
  }
}

/// Shows a run's progress: on a terminal as one changing line, otherwise as lines.
struct Progress: Sendable {
  let isQuiet: Bool
  private let isTerminal = isatty(2) == 1

  func show(_ sample: RunSample, of seconds: Double) {
    guard !isQuiet else { return }
    let line = Self.line(sample, of: seconds)
    guard isTerminal else { return printError(line) }
    // To the line's start, and clears the line.
    _ = Array("\r\u{1B}[K\(line)".utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }

  func end() {
    if !isQuiet, isTerminal { printError("") }
  }

  static func line(_ sample: RunSample, of seconds: Double) -> String {
    func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    var line =
      "\(rounded(sample.seconds)) of \(rounded(seconds)) s: \(sample.done) done, \(sample.failures) failed, \(sample.open) open, "
      + "p50 \(rounded(Double(sample.p50) / 1e6)) ms, p99 \(rounded(Double(sample.p99) / 1e6)) ms"
    if let server = sample.server { line += ", server \(server.residentBytes / 1_048_576) MiB" }
    return line
  }
}
