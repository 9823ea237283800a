import ArgumentParser
import Glibc
import StreakLoad

/// The highest rate within an objective.
struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Looks for the highest rate at which journeys stay within a latency.",
    discussion: """
      Steps of --seconds each: the rate doubles until a step fails, then the gap is halved. A step is good when the percentile is within --within-ms, \
      nothing failed (but for --failed-percent), and 98 % of the rate was reached.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var load: LoadOptions

  @Option(help: "The first step's rate, journeys each second.")
  var startRate: Double = 100

  @Option(help: "The highest rate that is tried, up to 1000000.")
  var rateMax: Double = 100_000

  @Option(help: "The percentile of all journeys' latencies that is looked at, 1 to 100.")
  var percentile: Double = 99

  @Option(help: "What it may be at most, in milliseconds.")
  var withinMs: Double = 50

  @Option(help: "Per cent of the journeys that may fail.")
  var failedPercent: Double = 0

  @Option(
    help:
      "The search ends when the best rate and the first that failed are this close, in per cent of the latter; 1 to 50."
  )
  var precisionPercent: Double = 5

  @Option(help: "Write the best step's report as JSON into this file.")
  var json: String?

  @Option(help: "Write the best step's report as a page into this file.")
  var html: String?

  func run() async throws {
    var settings = try load.settings()
    guard startRate >= 0.01, rateMax >= startRate, rateMax <= 1_000_000 else {
      throw ValidationError("--start-rate must be 0.01 at least, and --rate-max from there to 1000000.")
    }
    guard (1...100).contains(percentile), withinMs > 0, (0...100).contains(failedPercent),
      (1...50).contains(precisionPercent)
    else {
      throw ValidationError("--percentile, --within-ms, --failed-percent or --precision-percent is out of its range.")
    }
    let target = try await server.server()
    let database = try server.database()
    let objective = Objective(percentile: percentile, milliseconds: withinMs, failedPartMax: failedPercent / 100)
    var search = RateSearch(firstRate: startRate, rateMax: rateMax, precision: precisionPercent / 100)
    let run = try await load.begin(settings, target, database: database)
    let progress = Progress(isQuiet: load.quiet)
    var best: RunReport?
    while let rate = search.next {
      settings.mode = .open(rate: rate)
      let seconds = settings.seconds
      let began = Int64(time(nil))
      let figures = await run.run(settings) { progress.show($0, of: seconds) }
      progress.end()
      let verdict = objective.judge(rate: rate, figures, warmUpSeconds: settings.warmUpSeconds)
      search.take(rate: rate, isGood: verdict.isGood)
      print(
        "\(verdict.isGood ? "good" : "bad "): \(rounded(rate)) a second wanted, \(rounded(verdict.reached)) reached, "
          + "p\(percentile) \(rounded(Double(verdict.latency) / 1e6)) ms, \(verdict.failed) failed")
      if verdict.isGood, search.best == rate {
        best = RunReport(
          settings, figures, runName: run.name, address: server.address, unixSeconds: began, audit: nil,
          methodLabels: run.methodLabels)
      }
    }
    let audit = await run.audit(database: database)
    await run.close()
    print(audit.summary)
    for finding in audit.findings.prefix(20) { print("  \(finding.kind.rawValue): \(finding.person): \(finding.text)") }
    if let best {
      print("best: \(rounded(search.best ?? 0)) a second\n\(best.summary)")
      if let json { try Files.write(best.text, to: json) }
      if let html { try Files.write(best.html, to: html) }
    } else {
      print("no rate that was tried met the objective")
    }
    if best == nil || !audit.isClean { throw ExitCode(1) }
  }

  private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
