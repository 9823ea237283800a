internal import ProtobufCodec

extension RunReport {
  /// A page without external resources.
  package var html: String {
    let title = "streak-load \(json["run"].string ?? "")"
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
      <title>\(HTML.escaped(title))</title><style>\(Self.style)</style></head><body>
      <h1>\(HTML.escaped(title))</h1>
      <p class="settings">\(HTML.escaped(settingsLine))</p>
      \(tiles)
      \(plots)
      <h2>Journeys</h2>\(table([json["total"]] + json["journeys"].items))
      <h2>Calls</h2>\(table(json["calls"].items))
      \(failures)
      \(auditSection)
      <h2>Settings</h2>\(settingsTable)
      </body></html>

      """
  }

  private var settingsLine: String {
    let settings = json["settings"]
    let pace =
      settings["mode"].string == "open"
      ? "\(Decimals.short(settings["rate"].double ?? 0)) journeys a second (\(settings["arrivals"].string ?? "") arrivals; latency from the intended begin)"
      : "\(settings["callers"].integer ?? 0) callers, one journey after the other"
    return
      "\(json["address"].string ?? ""): \(pace), \(settings["mix"].string ?? ""), for \(Decimals.short(json["seconds"].double ?? 0)) s"
  }

  private var tiles: String {
    let total = json["total"]
    let latency = total["latency"]
    func duration(_ name: String) -> String { latency[name].double.map { Decimals.duration($0) } ?? "-" }
    var tiles: [(String, String, Bool)] = [
      ("journeys a second", Decimals.short(total["rate"].double ?? 0), true),
      ("p50", duration("p50"), true), ("p99", duration("p99"), true), ("p99.9", duration("p999"), true),
      ("failed", Decimals.grouped(Int(total["failed"].integer ?? 0)), total["failed"].integer == 0),
    ]
    if json["audit"] != .null {
      let isClean = json["audit"]["clean"] == .bool(true)
      tiles.append(("audit", isClean ? "clean" : "\(json["audit"]["findingCount"].integer ?? 0) findings", isClean))
    }
    if let cost = json["server"]["cpuMicrosecondsPerCall"].double {
      tiles.append(("server CPU a call", "\(Decimals.short(cost)) us", true))
    }
    return "<dl class=\"tiles\">"
      + tiles.map { "<div><dt>\($0.0)</dt><dd\($0.2 ? "" : " class=\"bad\"")>\(HTML.escaped($0.1))</dd></div>" }
      .joined()
      + "</dl>"
  }

  /// Most points of a chart over time: more could not be distinguished.
  static let pointsMax = 300

  /// The samples; for a long run, groups of them are merged.
  private var samples: [JSONValue] {
    let all = json["samples"].items
    guard all.count > Self.pointsMax else { return all }
    let size = (all.count + Self.pointsMax - 1) / Self.pointsMax
    return stride(from: 0, to: all.count, by: size).map { start in
      let some = all[start..<min(start + size, all.count)]
      return .object(
        (some.last?.members ?? []).map { name, value in
          let numbers = some.compactMap { $0[name].double }
          switch name {
          case "done", "failed": return (name, .number(numbers.reduce(0, +)))
          case "p50": return (name, .number(numbers.sorted()[numbers.count / 2]))
          case "p99", "max", "open": return (name, .number(numbers.max() ?? 0))
          default: return (name, value)
          }
        })
    }
  }

  private var plots: String {
    let samples = samples
    func series(_ name: String, _ color: Int, _ value: (JSONValue) -> Double?) -> Plot.Series {
      Plot.Series(
        name: name, color: color,
        points: samples.compactMap { sample in
          guard let seconds = sample["seconds"].double, let value = value(sample) else { return nil }
          return (seconds, value)
        })
    }
    let time = { (seconds: Double) in "\(Decimals.text(seconds, seconds < 10 ? 1 : 0, trimsZeros: true)) s" }
    let latency = Plot(
      title: "Latency over time, from the intended begin",
      series: [
        series("p50", 0) { $0["p50"].double.flatMap { $0 > 0 ? $0 : nil } },
        series("p99", 2) { $0["p99"].double.flatMap { $0 > 0 ? $0 : nil } },
        series("maximum", 5) { $0["max"].double.flatMap { $0 > 0 ? $0 : nil } },
      ], yScale: .log, xText: time, yText: { Decimals.duration($0, trimsZeros: true) })
    var rates = [rate(samples, "journeys", "done", 0)]
    if json["total"]["failed"].integer ?? 0 > 0 { rates.append(rate(samples, "failed", "failed", 5)) }
    if let wanted = json["settings"]["rate"].double, let last = samples.last?["seconds"].double {
      let ramp = json["settings"]["rampSeconds"].double ?? 0
      rates.append(
        Plot.Series(
          name: "wanted", color: 3,
          points: (ramp > 0 ? [(0, wanted / 100), (ramp, wanted)] : [(0, wanted)]) + [(last, wanted)],
          isDashed: true))
    }
    let throughput = Plot(
      title: "Journeys a second", series: rates, xText: time, yText: { Decimals.short($0, trimsZeros: true) })
    let curves = Plot(
      title: "Latency by percentile",
      series: json["journeys"].items.enumerated().map { index, journey in
        Plot.Series(
          name: journey["name"].string ?? "", color: index % 7,
          points: journey["latency"]["curve"].items.compactMap { point in
            guard point.items.count == 2, let x = point.items[0].double, let y = point.items[1].double else {
              return nil
            }
            return (x, y)
          })
      }, xScale: .nines, yScale: .log,
      xText: { "\(Decimals.text($0, 4, trimsZeros: true)) %" }, yText: { Decimals.duration($0, trimsZeros: true) })
    var cpu = Plot(
      title: "CPU, in cores",
      series: [cores(samples, "client", "clientCPUSeconds", 0), cores(samples, "server", "serverCPUSeconds", 2)],
      xText: time, yText: { Decimals.short($0, trimsZeros: true) })
    var memory = Plot(
      title: "Resident memory, in MiB",
      series: [
        series("client, at most", 0) { $0["clientResidentBytes"].double.map { $0 / 1_048_576 } },
        series("server", 2) { $0["serverResidentBytes"].double.map { $0 / 1_048_576 } },
      ], xText: time, yText: { Decimals.short($0, trimsZeros: true) })
    (cpu.width, memory.width) = (440, 440)
    return latency.html + throughput.html + curves.html + "<div class=\"pair\">\(cpu.html)\(memory.html)</div>"
  }

  /// The growth per second from sample to sample.
  private func rate(_ samples: [JSONValue], _ name: String, _ member: String, _ color: Int) -> Plot.Series {
    var before = 0.0
    var points: [(x: Double, y: Double)] = []
    for sample in samples {
      guard let seconds = sample["seconds"].double, seconds > before else { continue }
      points.append(((before + seconds) / 2, (sample[member].double ?? 0) / (seconds - before)))
      before = seconds
    }
    return Plot.Series(name: name, color: color, points: points)
  }

  private func cores(_ samples: [JSONValue], _ name: String, _ member: String, _ color: Int) -> Plot.Series {
    var points: [(x: Double, y: Double)] = []
    for (before, after) in zip(samples, samples.dropFirst()) {
      guard let from = before[member].double, let to = after[member].double, let start = before["seconds"].double,
        let end = after["seconds"].double, end > start
      else { continue }
      points.append(((start + end) / 2, max(0, to - from) / (end - start)))
    }
    return Plot.Series(name: name, color: color, points: points)
  }

  private func table(_ rows: [JSONValue]) -> String {
    let head = ["", "done", "a second", "failed", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
    let body = rows.map { row -> String in
      let cells =
        [
          Decimals.grouped(Int(row["done"].integer ?? 0)), Decimals.short(row["rate"].double ?? 0),
          Decimals.grouped(Int(row["failed"].integer ?? 0)),
        ]
        + ["mean", "p50", "p90", "p99", "p999", "p9999", "max"].map {
          row["latency"][$0].double.map { Decimals.duration($0) } ?? "-"
        }
      return "<tr><th>\(HTML.escaped(row["name"].string ?? ""))</th>" + cells.map { "<td>\($0)</td>" }.joined()
        + "</tr>"
    }
    return "<div class=\"wide\"><table><tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>" + body.joined()
      + "</table></div>"
  }

  private var failures: String {
    var rows: [String] = []
    for figures in [json["total"]] + json["calls"].items {
      for (label, count) in figures["failures"].members {
        rows.append(
          "<tr><th>\(HTML.escaped(label))</th><td>\(HTML.escaped(figures["name"].string ?? ""))</td><td>\(Decimals.grouped(Int(count.integer ?? 0)))</td></tr>"
        )
      }
    }
    guard !rows.isEmpty else { return "" }
    let examples = json["examples"].items.map { "<li>\(HTML.escaped($0.string ?? ""))</li>" }.joined()
    return
      "<h2>Failures by status</h2><div class=\"wide\"><table><tr><th>status</th><th>of</th><th>count</th></tr>\(rows.joined())</table></div>"
      + (examples.isEmpty ? "" : "<ul>\(examples)</ul>")
  }

  private var auditSection: String {
    let audit = json["audit"]
    guard audit != .null else { return "" }
    let asked = audit["readsDatabase"] == .bool(true) ? "the service and the database" : "the service"
    let rows = audit["findings"].items.prefix(200).map {
      "<tr><th>\(HTML.escaped($0["kind"].string ?? ""))</th><td>\(HTML.escaped($0["person"].string ?? ""))</td><td>\(HTML.escaped($0["text"].string ?? ""))</td></tr>"
    }
    return
      "<h2>Audit</h2><p>\(Decimals.grouped(Int(audit["writes"].integer ?? 0))) acknowledged and \(Decimals.grouped(Int(audit["uncertain"].integer ?? 0))) uncertain writes of \(Decimals.grouped(Int(audit["people"].integer ?? 0))) people, asked of \(asked): "
      + "\(audit["clean"] == .bool(true) ? "all there, once." : "\(audit["findingCount"].integer ?? 0) findings.")</p>"
      + (rows.isEmpty
        ? ""
        : "<div class=\"wide\"><table><tr><th>kind</th><th>person</th><th>what</th></tr>\(rows.joined())</table></div>")
  }

  private var settingsTable: String {
    "<div class=\"wide\"><table>"
      + json["settings"].members.map {
        "<tr><th>\(HTML.escaped($0.name))</th><td>\(HTML.escaped($0.value.string ?? $0.value.text))</td></tr>"
      }.joined() + "</table></div>"
  }

  private static let style = """
    :root{color-scheme:light dark;--page:#f9f9f7;--card:#fcfcfb;--ink:#0b0b0b;--soft:#52514e;--mute:#77766f;--grid:#e1e0d9;--axis:#c3c2b7;--bad:#c22f2f;
    --s0:#2a78d6;--s1:#1baf7a;--s2:#d08a00;--s3:#5b9e00;--s4:#4a3aa7;--s5:#e34948;--s6:#c94f86}
    @media(prefers-color-scheme:dark){:root{--page:#0d0d0d;--card:#1a1a19;--ink:#fff;--soft:#c3c2b7;--mute:#98968f;--grid:#2c2c2a;--axis:#44443f;--bad:#ff7b7b;
    --s0:#3987e5;--s1:#199e70;--s2:#c98500;--s3:#6aa31d;--s4:#9085e9;--s5:#e66767;--s6:#d55181}}
    *{box-sizing:border-box}body{margin:0 auto;max-width:960px;padding:24px 16px;background:var(--page);color:var(--ink);font:14px/1.5 system-ui,sans-serif}
    h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 8px}.settings{color:var(--soft);margin:4px 0 16px}
    .tiles{display:flex;flex-wrap:wrap;gap:10px;margin:0 0 16px}.tiles div{background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:8px 14px}
    dt{color:var(--soft);font-size:12px}dd{margin:0;font-size:20px;font-weight:600}.bad{color:var(--bad)}
    figure{margin:0 0 14px;padding:12px 12px 4px;background:var(--card);border:1px solid var(--grid);border-radius:8px}
    figcaption{font-weight:600}.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:4px 0 0;padding:0;color:var(--soft);font-size:12px}
    .legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:14px}svg{display:block;width:100%;height:auto}
    svg text{fill:var(--mute);font-size:11px}.x{text-anchor:middle}.y{text-anchor:end;dominant-baseline:middle}
    .grid{stroke:var(--grid);stroke-width:1;fill:none}.axis,.tick{stroke:var(--axis);stroke-width:1;fill:none}.line{fill:none;stroke-width:2;stroke-linejoin:round}
    .dot{opacity:0}.dot:hover,.alone{opacity:1}.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
    th,td{padding:4px 7px;font-size:13px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}th:first-child,td:first-child{text-align:left}
    tr:first-child th{color:var(--soft);font-weight:500}
    """
}
