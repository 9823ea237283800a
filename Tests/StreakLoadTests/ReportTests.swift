import ProtobufCodec
import Testing

@testable import StreakLoad

@Suite("Load report")
struct ReportTests {
  private func report(
    latency: Int64 = 2_000_000, failed: Bool = false, audit: AuditReport? = nil, sampleCount: Int = 3
  ) throws -> RunReport {
    var settings = LoadSettings(mix: try #require(JourneyMix(parsing: "read=3,sign-up=1")))
    settings.mode = .open(rate: 50)
    var recorder = Recorder(methodCount: 1)
    for index in 0..<100 { recorder.succeeded(.read, nanoseconds: UInt64(latency) + UInt64(index) * 10_000) }
    recorder.succeeded(.signUp, nanoseconds: 90_000_000)
    if failed { recorder.failed(.read, .wrong("<b>\"5\" & 6</b>")) }
    recorder.calls[0].latency.record(latency)
    let samples = (1...sampleCount).map { second in
      RunSample(
        seconds: Double(second), done: 50, failures: 0, open: 1, p50: latency, p99: latency * 3, max: latency * 4,
        client: ProcessFigures(cpuSeconds: Double(second) / 10, residentBytes: 20_000_000),
        server: ProcessFigures(cpuSeconds: Double(second) / 4, residentBytes: 30_000_000))
    }
    let figures = RunFigures(
      seconds: 3, recorder: recorder, samples: samples, clientCPUSeconds: 0.3,
      serverBefore: ProcessFigures(cpuSeconds: 0, residentBytes: 1), leftOpen: 0, connectionsLost: 0)
    return RunReport(
      settings, figures, runName: "name", address: "127.0.0.1:1", unixSeconds: 1, audit: audit,
      methodLabels: ["StreakService/GetStreak"])
  }

  @Test("JSON can be parsed again, and contains the counts")
  func json() throws {
    let report = try report()
    let again = try #require(RunReport(parsing: report.text))
    #expect(again.text == report.text && again.isGood)
    #expect(again.json["total"]["done"].integer == 101 && again.json["journeys"].items.count == 2)
    #expect(again.json["settings"]["mix"].string == "read=3,sign-up=1")
    #expect(again.json["server"]["cpuSeconds"].double == 0.75)
    #expect(RunReport(parsing: "{}") == nil && RunReport(parsing: "nonsense") == nil)
  }

  @Test("a failure, and a finding of the audit, make a run bad")
  func bad() throws {
    #expect(!(try report(failed: true).isGood))
    var audit = AuditReport()
    #expect(try report(audit: audit).isGood)
    audit.add([AuditFinding(kind: .lost, person: "p", text: "t")])
    #expect(!(try report(audit: audit).isGood))
    #expect(try report(audit: audit).summary.contains("lost: p: t"))
  }

  @Test("the page escapes all texts, and loads no external resources")
  func html() throws {
    let html = try report(failed: true).html
    #expect(html.contains("&lt;b&gt;&quot;5&quot; &amp; 6&lt;/b&gt;"))
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
      #expect(!html.contains(outside), "\(outside)")
    }
    #expect(html.split(separator: "<svg").count == 6)
  }

  @Test("the page of a long run has no more points than a plot can show")
  func longRun() throws {
    for (count, points) in [(RunReport.pointsMax, RunReport.pointsMax), (RunReport.pointsMax + 1, 151), (86_400, 300)] {
      let html = try report(sampleCount: count).html
      // The percentiles over time are three lines.
      let latency = try #require(html.split(separator: "</figure>").first)
      #expect(latency.split(separator: "<circle").count - 1 == 3 * points)
    }
  }

  @Test("a comparison has each measure of both, their change, and the settings that differ")
  func comparison() throws {
    let comparison = Comparison(try report(), try report(latency: 4_000_000))
    let json = try JSONValue(parsing: comparison.json)
    let row = try #require(
      json["rows"].items.first { $0["name"].string == "read" && $0["measure"].string == "p50" })
    #expect(abs((row["ratio"].double ?? 0) - 1.8) < 0.02)
    #expect(comparison.differences == [] && comparison.text.contains("+"))
  }
}
