import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import StreakLoad

/// One run, its reports and its audit.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Makes load at a fixed rate, or with a fixed number of callers, and audits what was acknowledged.",
    discussion: """
      With --rate journeys begin at planned times, independent of earlier ones, and their latency counts from then: a server that stalls \
      shows as latency. With --callers each caller begins the next journey when its last one has ended.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var load: LoadOptions

  @Option(help: "Open loop: journeys each second, up to 1000000. 100 unless --callers is given.")
  var rate: Double?

  @Option(help: "Closed loop: callers, 1 to 100000.")
  var callers: Int?

  @Option(help: "Seconds in which the rate grows from a hundredth to the whole.")
  var rampSeconds: Double = 0

  @Flag(help: "Do not check afterwards that every acknowledged write is stored once.")
  var noAudit = false

  @Option(
    help: "Keep what was acknowledged in this file, for streak-load audit. It holds access tokens: for its owner only.")
  var keep: String?

  @Option(help: "Write the report as JSON into this file.")
  var json: String?

  @Option(help: "Write the report as a page with plots into this file; it needs nothing else.")
  var html: String?

  func run() async throws {
    var settings = try load.settings()
    guard rate == nil || callers == nil else { throw ValidationError("Give --rate or --callers, not both.") }
    if let callers {
      guard (1...100_000).contains(callers) else { throw ValidationError("--callers must be from 1 to 100000.") }
      settings.mode = .closed(callers: callers)
      if callers > settings.personCount, !load.quiet {
        printError("There are fewer people than callers: journeys wait for a free person.")
      }
    } else {
      let rate = rate ?? 100
      guard rate >= 0.01, rate <= 1_000_000 else { throw ValidationError("--rate must be from 0.01 to 1000000.") }
      settings.mode = .open(rate: rate)
    }
    guard (0...settings.seconds).contains(rampSeconds) else {
      throw ValidationError("--ramp-seconds must be from 0 to --seconds.")
    }
    settings.rampSeconds = rampSeconds
    let target = try await server.server()
    let database = try server.database()
    let run = try await load.begin(settings, target, database: database)
    let began = Int64(time(nil))
    let progress = Progress(isQuiet: load.quiet)
    let seconds = settings.seconds
    let figures = await run.run { progress.show($0, of: seconds) }
    progress.end()
    let audit = noAudit ? nil : await run.audit(database: database)
    if let keep { try Files.write(await run.acknowledgements(), to: keep, isSecret: true) }
    let labels = run.methodLabels
    await run.close()
    let report = RunReport(
      settings, figures, runName: run.name, address: server.address, unixSeconds: began, audit: audit,
      methodLabels: labels)
    print(report.summary)
    if let json { try Files.write(report.text, to: json) }
    if let html { try Files.write(report.html, to: html) }
    if !report.isGood { throw ExitCode(1) }
  }
}
