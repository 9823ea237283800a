internal import EventLoop
internal import Synchronization

/// Makes load on a server, and checks the answers.
package final class LoadRun: Sendable {
  let settings: LoadSettings
  let server: LoadServer
  /// The prefix of the run's notes.
  package let name: String
  private let probe: ServerProbe?
  private let threads: [EventLoopThread]
  let workers: [LoopBound<LoadWorker>]
  /// Milliseconds between two samples.
  static let lookMilliseconds: UInt64 = 1_000

  /// - Parameters:
  ///   - probe: Reads the server's use of resources.
  ///   - name: The name of an earlier run, to audit its writes.
  package init(_ settings: LoadSettings, server: LoadServer, probe: ServerProbe? = nil, name: String? = nil) {
    self.settings = settings
    self.server = server
    self.probe = probe
    var generator = SystemRandomNumberGenerator()
    let name = name ?? String(UInt64.random(in: 0...UInt64.max, using: &generator), radix: 36)
    self.name = name
    let threads = (0..<settings.loopCount).map { _ in EventLoopThread() }
    self.threads = threads
    workers = threads.enumerated().map { index, thread in
      LoopBound(
        LoadWorker(index: index, settings: settings, server: server, runName: name, loop: thread.loop),
        loop: thread.loop)
    }
  }

  /// Runs `body` on every worker's loop at once.
  func each<Value: Sendable>(_ body: @escaping @Sendable (LoadWorker) async -> Value) async -> [Value] {
    await withTaskGroup(of: (Int, Value).self) { group in
      for (index, worker) in workers.enumerated() {
        let loop = threads[index].loop
        group.addTask { (index, await loop.run { await body(worker.value) }) }
      }
      var values: [(Int, Value)] = []
      for await value in group { values.append(value) }
      return values.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  /// Makes all connections.
  /// - Returns: Why the server cannot be reached; nil if it can.
  package func connect() async -> String? {
    await each { await $0.channel.connect() }.compactMap { $0 }.first
  }

  /// Makes the population, by ordinary calls.
  /// - Parameter database: The connection string of a test database, to write the population into
  ///   it instead.
  /// - Returns: Why people are missing; nil if none is.
  package func makePeople(database: String? = nil) async -> String? {
    guard settings.mix.weights.contains(where: { $0.kind.needsPerson }) else { return nil }
    let settings = settings
    let failures = await each { worker -> String? in
      let index = worker.index
      let count = (0..<settings.personCount).count { $0 % settings.loopCount == index }
      if let database { return await worker.makePeople(count, database: database) }
      return await worker.makePeople(count, atOnce: max(1, settings.makerCount / settings.loopCount))
    }
    return failures.compactMap { $0 }.first
  }

  /// Names of the methods, in the order of the figures' indexes.
  package var methodLabels: [String] { LoadMethods(server).all.map(\.label) }

  /// Makes the load, and waits for running journeys at its end.
  /// - Parameters:
  ///   - changed: Settings that replace those of the run, for the mode and the times; the
  ///     population and the connections stay.
  ///   - onLook: Called every second.
  package func run(
    _ changed: LoadSettings? = nil, onLook: @Sendable (RunSample) async -> Void
  ) async -> RunFigures {
    let settings = changed ?? settings
    _ = await each { $0.prepare(settings) }
    let started = MonotonicClock.nowNanoseconds + 10_000_000
    let end = started + UInt64(settings.seconds * 1e9)
    let serverBefore = await serverFigures()
    let usage = ProcessUsage.own()
    _ = await each { $0.start(atNanoseconds: started) }
    var samples: [RunSample] = []
    var next = started
    while next < end {
      next = min(next + Self.lookMilliseconds * 1_000_000, end)
      let now = MonotonicClock.nowNanoseconds
      if next > now { try? await Task.sleep(nanoseconds: next - now) }
      let sample = await look(startedAt: started)
      samples.append(sample)
      await onLook(sample)
    }
    _ = await each { $0.stop() }
    let ended = MonotonicClock.nowNanoseconds
    let spent = ProcessUsage.own().cpuSeconds - usage.cpuSeconds
    let open = await drain()
    var total = Recorder(methodCount: LoadMethods(server).all.count)
    for recorder in await each({ $0.recorder }) { total.add(recorder) }
    // An open loop's journeys are those planned for that time, whenever they ended; a closed loop
    // ends when its callers stop.
    let seconds = if case .open = settings.mode { settings.seconds } else { Double(ended - started) / 1e9 }
    return RunFigures(
      seconds: seconds, recorder: total, samples: samples, clientCPUSeconds: spent,
      serverBefore: serverBefore, leftOpen: open, connectionsLost: await each { $0.channel.lostCount }.reduce(0, +))
  }

  private func drain() async -> Int {
    let patience = MonotonicClock.nowNanoseconds + UInt64(settings.drainSeconds * 1e9)
    while true {
      let open = await each { $0.openJourneys }.reduce(0, +)
      if open == 0 || MonotonicClock.nowNanoseconds > patience { return open }
      try? await Task.sleep(nanoseconds: 10_000_000)
    }
  }

  private func look(startedAt started: UInt64) async -> RunSample {
    var interval = Recorder.Interval()
    var open = 0
    for (taken, openJourneys) in await each({ ($0.recorder.takeInterval(), $0.openJourneys) }) {
      interval.add(taken)
      open += openJourneys
    }
    let usage = ProcessUsage.own()
    return RunSample(
      seconds: Double(MonotonicClock.nowNanoseconds - started) / 1e9, done: Int(interval.latency.count),
      failures: interval.failureCount, open: open, p50: interval.latency.value(atPercentile: 50),
      p99: interval.latency.value(atPercentile: 99), max: interval.latency.maximum,
      client: ProcessFigures(cpuSeconds: usage.cpuSeconds, residentBytes: usage.residentBytes),
      server: await serverFigures())
  }

  /// The server's current use of resources.
  func serverFigures() async -> ProcessFigures? {
    guard let probe, let loop = threads.first?.loop else { return nil }
    return await loop.run { await probe.figures(loop: loop) }
  }

  /// Audits all acknowledged writes; unanswered requests are repeated first.
  /// - Parameter database: A connection string, to read how often each write is stored; nil: only
  ///   the service is queried.
  package func audit(database: String? = nil) async -> AuditReport {
    let name = name
    let reports = await each { worker -> AuditReport in
      await worker.channel.waitUntilConnected()
      await worker.resendAllUnanswered()
      var report = await worker.audit()
      if let database {
        report.add(
          await DatabaseAudit.report(
            worker.audited, runName: name, connectionString: database, loop: worker.loop))
      }
      return report
    }
    return reports.reduce(into: AuditReport()) { $0.add($1) }
  }

  /// The acknowledged writes, for a later audit. Contains access tokens.
  package func acknowledgements() async -> String {
    let parts = await each { worker -> [String] in
      for person in worker.people { person.abandonPending() }
      return worker.audited.map(AcknowledgementFile.text)
    }
    return AcknowledgementFile.text(parts.flatMap { $0 }, runName: name)
  }

  /// A run that audits the acknowledgements of an earlier one.
  /// - Returns: nil if the text is not the output of `acknowledgements()`.
  package static func auditing(_ text: String, server: LoadServer) async -> LoadRun? {
    guard let mix = JourneyMix(parsing: "check=1"), let runName = AcknowledgementFile.read(text)?.runName else {
      return nil
    }
    var settings = LoadSettings(mix: mix)
    settings.connectionCount = 2
    let run = LoadRun(settings, server: server, name: runName)
    _ = await run.each { worker in
      for person in AcknowledgementFile.read(text)?.people ?? [] { worker.newPeople.append(person) }
    }
    return run
  }

  /// Closes the connections and ends the threads. Call it once, at the end.
  package func close() async {
    _ = await each { $0.channel.close() }
    for thread in threads { thread.stopAndJoin() }
  }
}

/// A sample of a run: the figures since the sample before.
package struct RunSample: Sendable {
  /// Since the run's start.
  package var seconds: Double
  /// Journeys that succeeded.
  package var done: Int
  package var failures: Int
  /// Running journeys.
  package var open: Int
  /// Nanoseconds.
  package var p50: Int64
  package var p99: Int64
  package var max: Int64
  /// This client's use of resources since its start.
  package var client: ProcessFigures
  /// The server's use of resources since its start; nil if it cannot be read.
  package var server: ProcessFigures?
}

/// The figures of a run.
package struct RunFigures: Sendable {
  /// Without the wait at the end.
  package var seconds: Double
  var recorder: Recorder
  package var samples: [RunSample]
  package var clientCPUSeconds: Double
  /// The server's use of resources at the run's start; nil if it cannot be read.
  package var serverBefore: ProcessFigures?
  /// Journeys that were still running after the wait.
  package var leftOpen: Int
  package var connectionsLost: Int
}
