import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import RPC
import StreakHarness

/// Tests a server against its schema.
@main
struct StreakHarnessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streak-harness",
    abstract: "Tries a running server against its schema: rules, boundaries, credentials, replays, fuzz.",
    discussion: """
      It makes accounts of its own and leaves them there. A server that is tried needs --rate-limit-factor 1000, but for --limits. \
      Exit codes: 0 all is as the schema says; 1 something is not; 64 wrong usage; 69 the server cannot be reached.
      """,
    version: ProgramVersion.text(of: "streak-harness"))

  /// Most bytes of a scenario file.
  static let scenarioBytesMax = 16 * 1_024 * 1_024

  enum Source: String, ExpressibleByArgument, CaseIterable {
    case build, server
  }

  @Option(help: "The server's name or address.")
  var address: String = "127.0.0.1:50051"

  @Option(help: "Where the schema comes from: this build, or the server's reflection.")
  var schema: Source = .build

  @Option(help: "The seed of the requests' shape.")
  var seed: UInt64 = 0

  @Option(help: "Only methods whose name holds this, such as StreakService or SyncService/Sync; may be repeated.")
  var only: [String] = []

  @Option(help: "Rounds of requests with invalid fields for each method; four times as many if it takes operations.")
  var fuzzRounds: Int = 4

  @Option(
    help:
      "Play the scenarios of this file (format: Tests/Scenarios/README.md) instead; may be repeated. --only then names scenarios."
  )
  var scenario: [String] = []

  @Flag(help: "Test the limits of calls instead; the server must run with --rate-limit-factor 1.")
  var limits = false

  @Flag(help: "Try lists of more than 1000 messages at their limit as well: megabytes for each request.")
  var longLists = false

  @Option(
    help: "A file with the operator's token, for AdminService; else the environment's STREAK_HARNESS_OPERATOR_TOKEN.")
  var operatorTokenFile: String?

  @Option(help: "Write the report as JSON into this file.")
  var json: String?

  @Option(help: "Write the report as JUnit XML into this file.")
  var junit: String?

  @OptionGroup var security: SecurityOptions

  func run() async throws {
    guard (0...10_000).contains(fuzzRounds) else { throw ValidationError("--fuzz-rounds must be from 0 to 10000.") }
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let channel = try security.channel(to: address, on: thread.loop)
    defer { channel.close() }
    var settings = HarnessSettings()
    settings.seed = seed
    settings.address = address
    settings.only = only
    settings.fuzzRounds = fuzzRounds
    settings.limits = limits
    settings.longLists = longLists
    settings.rpcProtocol = security.rpcProtocol
    settings.protocolOptions = security.protocolOptions
    settings.operatorToken = try operatorToken()
    if let failure = await Harness.reach(channel) {
      printError("The server cannot be reached: \(failure)\(ConnectionSecurity.advice(on: failure))")
      throw ExitCode(EX_UNAVAILABLE)
    }
    let wanted: ServiceSchema
    do {
      wanted = schema == .server ? try await .ofServer(channel) : try .ofBuild()
    } catch {
      printError("There is no schema: \(error)")
      throw ExitCode(EX_UNAVAILABLE)
    }
    let harness = Harness(wanted, channel, settings)
    let report = scenario.isEmpty ? try await tryMethods(harness) : try await playScenarios(harness)
    print(report.text)
    if let json { try write(report.json, to: json) }
    if let junit { try write(report.junit, to: junit) }
    if !report.isGood { throw ExitCode(1) }
  }

  private func tryMethods(_ harness: Harness) async throws -> Report {
    let unmatched = harness.unmatchedFilters()
    guard unmatched.isEmpty else {
      throw ValidationError(
        "--only \(unmatched.joined(separator: ", ")): no method has that in its name; streakctl methods lists them.")
    }
    return await harness.run()
  }

  private func playScenarios(_ harness: Harness) async throws -> Report {
    var files: [(path: String, text: String)] = []
    var names: Set<String> = []
    for path in scenario {
      let text = try read(path)
      do { names.formUnion(try Harness.scenarioNames(in: text)) } catch { throw ValidationError("\(path): \(error)") }
      files.append((path, text))
    }
    let unmatched = only.filter { !names.contains($0) }
    guard unmatched.isEmpty else {
      throw ValidationError(
        "--only \(unmatched.joined(separator: ", ")): no scenario has that name. There are: \(names.sorted().joined(separator: ", "))."
      )
    }
    var report: Report?
    for file in files {
      do {
        let played = try await harness.play(file.text, file: file.path)
        report?.add(played)
        report = report ?? played
      } catch {
        throw ValidationError("\(file.path): \(error)")
      }
    }
    guard let report else { throw ValidationError("There is no scenario.") }
    return report
  }

  /// From a file or the environment, because arguments are visible in the list of processes.
  private func operatorToken() throws -> String? {
    guard let operatorTokenFile else {
      guard let value = getenv("STREAK_HARNESS_OPERATOR_TOKEN"), value.pointee != 0 else { return nil }
      return String(cString: value)
    }
    guard let token = try read(operatorTokenFile).split(whereSeparator: \.isWhitespace).first else {
      throw ValidationError("\(operatorTokenFile) holds no token.")
    }
    return String(token)
  }

  private func read(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw ValidationError("\(path) cannot be read.") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < Self.scenarioBytesMax {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw ValidationError("\(path) cannot be written.") }
    defer { fclose(file) }
    let bytes = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
      throw ValidationError("\(path) cannot be written.")
    }
  }
}
