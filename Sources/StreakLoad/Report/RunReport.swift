internal import ProtobufCodec

/// A run's settings and results as JSON, from which the other reports are made.
package struct RunReport: Sendable {
  let json: JSONValue

  static let format = "streak-load run 1"

  /// The named percentiles.
  static let percentiles: [(name: String, percentile: Double)] = [
    ("p50", 50), ("p90", 90), ("p99", 99), ("p999", 99.9), ("p9999", 99.99),
  ]

  /// - Parameter unixSeconds: When the run began.
  package init(
    _ settings: LoadSettings, _ figures: RunFigures, runName: String, address: String, unixSeconds: Int64,
    audit: AuditReport?, methodLabels: [String]
  ) {
    let recorder = figures.recorder
    var total = Recorder.Figures()
    for journey in recorder.journeys { total.add(journey) }
    if recorder.notStarted > 0 { total.failures["NOT_STARTED", default: 0] += recorder.notStarted }
    if figures.leftOpen > 0 { total.failures["NEVER_ENDED", default: 0] += figures.leftOpen }
    // Without the warm-up, which is not recorded.
    let seconds = max(0.001, figures.seconds - settings.warmUpSeconds)
    let calls = recorder.calls.reduce(0) { $0 + $1.count }
    var members: [(String, JSONValue)] = [
      ("format", .string(Self.format)), ("run", .string(runName)), ("address", .string(address)),
      ("startedAt", .number(unixSeconds)), ("settings", Self.json(settings)), ("seconds", .number(seconds)),
      ("total", Self.json("all", total, seconds)),
      (
        "journeys",
        .array(
          JourneyKind.allCases.filter { recorder.journeys[$0.index].count > 0 }
            .map { Self.json($0.rawValue, recorder.journeys[$0.index], seconds) })
      ),
      (
        "calls",
        .array(
          recorder.calls.indices.filter { recorder.calls[$0].count > 0 }
            .map { Self.json(methodLabels[$0], recorder.calls[$0], seconds) })
      ),
      ("lateness", Self.json(recorder.lateness)), ("connectionsLost", .number(figures.connectionsLost)),
      (
        "client",
        .object([
          ("cpuSeconds", .number(figures.clientCPUSeconds)),
          ("cpuMicrosecondsPerCall", .number(calls == 0 ? 0 : figures.clientCPUSeconds / Double(calls) * 1e6)),
        ])
      ),
      ("samples", .array(figures.samples.map(Self.json))),
      ("examples", .array(recorder.examples.map { .string($0) })),
    ]
    if let before = figures.serverBefore, let after = figures.samples.last?.server {
      let spent = after.cpuSeconds - before.cpuSeconds
      members.append(
        (
          "server",
          .object([
            ("cpuSeconds", .number(spent)),
            ("cpuMicrosecondsPerCall", .number(calls == 0 ? 0 : spent / Double(calls) * 1e6)),
            ("residentBytesMax", .number(figures.samples.compactMap { $0.server?.residentBytes }.max() ?? 0)),
          ])
        ))
    }
    if let audit { members.append(("audit", Self.json(audit))) }
    json = .object(members)
  }

  /// Parses the output of `text`.
  /// - Returns: nil for any other text.
  package init?(parsing text: String) {
    guard let json = try? JSONValue(parsing: text), json["format"].string == Self.format else { return nil }
    self.json = json
  }

  /// The JSON text.
  package var text: String { json.text + "\n" }

  /// No journey failed, and the audit, if there was one, has no findings.
  package var isGood: Bool {
    json["total"]["failed"].integer == 0 && (json["total"]["done"].integer ?? 0) > 0
      && (json["audit"] == .null || json["audit"]["findingCount"].integer == 0)
  }

  private static func json(_ settings: LoadSettings) -> JSONValue {
    var members: [(String, JSONValue)] = []
    switch settings.mode {
    case .open(let rate):
      members += [
        ("mode", .string("open")), ("rate", .number(rate)),
        ("arrivals", .string(settings.isPoisson ? "poisson" : "even")), ("rampSeconds", .number(settings.rampSeconds)),
      ]
    case .closed(let callers): members += [("mode", .string("closed")), ("callers", .number(callers))]
    }
    return .object(
      members + [
        ("mix", .string(settings.mix.description)), ("seconds", .number(settings.seconds)),
        ("warmUpSeconds", .number(settings.warmUpSeconds)), ("loops", .number(settings.loopCount)),
        ("connections", .number(settings.connectionCount)), ("people", .number(settings.personCount)),
        ("habits", .number(settings.habitCount)), ("days", .number(settings.dayCount)),
        ("seed", .number(settings.seed)),
      ])
  }

  private static func json(_ name: String, _ figures: Recorder.Figures, _ seconds: Double) -> JSONValue {
    .object([
      ("name", .string(name)), ("done", .number(figures.latency.count)), ("failed", .number(figures.failureCount)),
      ("rate", .number(Double(figures.latency.count) / seconds)),
      (
        "failures",
        .object(figures.failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, .number($0.value)) })
      ),
      ("latency", json(figures.latency)),
    ])
  }

  /// Times in nanoseconds.
  private static func json(_ histogram: Histogram) -> JSONValue {
    guard histogram.count > 0 else { return .null }
    // A bucket may end above its largest value.
    func value(_ percentile: Double) -> Int64 { min(histogram.value(atPercentile: percentile), histogram.maximum) }
    return .object(
      [("mean", .number(histogram.mean)), ("min", .number(histogram.minimum)), ("max", .number(histogram.maximum))]
        + percentiles.map { ($0.name, .number(value($0.percentile))) }
        + [
          (
            "curve",
            .array(
              curve(histogram.count).map {
                .array([.number($0), .number(value($0))])
              })
          ),
          ("histogram", .string(Base64.encode(histogram.encoded(), padding: true))),
        ])
  }

  /// Percentiles from 0, ever closer to the last of `count` values: four per halving of the
  /// remaining distance.
  private static func curve(_ count: Int64) -> [Double] {
    var points: [Double] = []
    var left = 1.0
    while left * Double(count) > 1, points.count < 120 {
      points.append(100 * (1 - left))
      left *= 0.840_896_415_253_714_6  // the fourth root of a half
    }
    return points + [100]
  }

  private static func json(_ sample: RunSample) -> JSONValue {
    .object(
      [
        ("seconds", .number(sample.seconds)), ("done", .number(sample.done)), ("failed", .number(sample.failures)),
        ("open", .number(sample.open)), ("p50", .number(sample.p50)), ("p99", .number(sample.p99)),
        ("max", .number(sample.max)), ("clientCPUSeconds", .number(sample.client.cpuSeconds)),
        ("clientResidentBytes", .number(sample.client.residentBytes)),
      ]
        + (sample.server.map {
          [("serverCPUSeconds", .number($0.cpuSeconds)), ("serverResidentBytes", .number($0.residentBytes))]
        } ?? []))
  }

  private static func json(_ audit: AuditReport) -> JSONValue {
    .object([
      ("clean", .bool(audit.isClean)), ("readsDatabase", .bool(audit.readsDatabase)),
      ("people", .number(audit.peopleCount)), ("writes", .number(audit.writeCount)),
      ("uncertain", .number(audit.uncertainCount)), ("findingCount", .number(audit.findingCount)),
      (
        "findings",
        .array(
          audit.findings.map {
            .object([
              ("kind", .string($0.kind.rawValue)), ("person", .string($0.person)), ("text", .string($0.text)),
            ])
          })
      ),
    ])
  }
}
