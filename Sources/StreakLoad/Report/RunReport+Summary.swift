internal import ProtobufCodec

extension RunReport {
  /// The text summary.
  package var summary: String {
    var lines: [String] = []
    let settings = json["settings"]
    let pace =
      settings["mode"].string == "open"
      ? "\(Decimals.short(settings["rate"].double ?? 0)) a second, \(settings["arrivals"].string ?? "")"
      : "\(settings["callers"].integer ?? 0) callers"
    lines.append(
      "run \(json["run"].string ?? ""): \(pace), \(settings["mix"].string ?? ""), \(Decimals.short(json["seconds"].double ?? 0)) s"
    )
    lines.append(Self.row("", ["done", "a second", "failed", "p50", "p90", "p99", "p99.9", "max"]))
    for figures in [json["total"]] + json["journeys"].items { lines.append(Self.row(figures)) }
    lines.append("calls")
    for figures in json["calls"].items { lines.append(Self.row(figures)) }
    let late = json["lateness"]
    lines.append(
      "begun late: p50 \(Decimals.duration(late["p50"].double ?? 0)), p99 \(Decimals.duration(late["p99"].double ?? 0)), max \(Decimals.duration(late["max"].double ?? 0))"
    )
    lines.append("client: \(Self.usage(json["client"]))")
    if json["server"] != .null {
      let bytes = json["server"]["residentBytesMax"].double ?? 0
      lines.append("server: \(Self.usage(json["server"])), \(Decimals.short(bytes / 1_048_576)) MiB at most")
    }
    for figures in [json["total"]] + json["calls"].items {
      for (label, count) in figures["failures"].members {
        lines.append("failed: \(count.integer ?? 0) x \(label) (\(figures["name"].string ?? ""))")
      }
    }
    for example in json["examples"].items { lines.append("  \(example.string ?? "")") }
    if json["audit"] != .null {
      let audit = json["audit"]
      let asked = audit["readsDatabase"] == .bool(true) ? "the service and the database" : "the service"
      lines.append(
        "audit: \(audit["clean"] == .bool(true) ? "clean" : "\(audit["findingCount"].integer ?? 0) findings"); \(audit["writes"].integer ?? 0) acknowledged and \(audit["uncertain"].integer ?? 0) uncertain writes of \(audit["people"].integer ?? 0) people, asked of \(asked)"
      )
      for finding in audit["findings"].items.prefix(20) {
        lines.append(
          "  \(finding["kind"].string ?? ""): \(finding["person"].string ?? ""): \(finding["text"].string ?? "")")
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func usage(_ json: JSONValue) -> String {
    "\(Decimals.short(json["cpuSeconds"].double ?? 0)) s of CPU, \(Decimals.short(json["cpuMicrosecondsPerCall"].double ?? 0)) us a call"
  }

  private static func row(_ figures: JSONValue) -> String {
    let latency = figures["latency"]
    return row(
      figures["name"].string ?? "",
      [
        Decimals.grouped(Int(figures["done"].integer ?? 0)), Decimals.short(figures["rate"].double ?? 0),
        Decimals.grouped(Int(figures["failed"].integer ?? 0)),
      ]
        + ["p50", "p90", "p99", "p999", "max"].map {
          latency[$0].double.map { Decimals.duration($0) } ?? "-"
        })
  }

  private static func row(_ name: String, _ columns: [String]) -> String {
    func padded(_ text: String, _ width: Int, isLeft: Bool) -> String {
      let space = String(repeating: " ", count: max(0, width - text.count))
      return isLeft ? text + space : space + text
    }
    return "  " + padded(name, 30, isLeft: true) + columns.map { padded($0, 11, isLeft: false) }.joined()
  }
}
