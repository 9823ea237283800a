internal import ProtobufCodec

/// Two runs side by side.
package struct Comparison: Sendable {
  private let before: RunReport
  private let after: RunReport

  package init(_ before: RunReport, _ after: RunReport) {
    self.before = before
    self.after = after
  }

  /// Differences between the settings: with any, the runs are less comparable.
  package var differences: [String] {
    let names = before.json["settings"].members.map(\.name)
    let others = after.json["settings"].members.map(\.name).filter { !names.contains($0) }
    return (names + others).compactMap { name in
      let (old, new) = (before.json["settings"][name], after.json["settings"][name])
      guard name != "seed", old != new else { return nil }
      return "\(name): \(old == .null ? "-" : old.text), then \(new == .null ? "-" : new.text)"
    }
  }

  private var rows: [(name: String, measure: String, before: Double, after: Double, isTime: Bool)] {
    var rows: [(String, String, Double, Double, Bool)] = []
    func add(_ name: String, _ old: JSONValue, _ new: JSONValue) {
      for (measure, title) in [("rate", "a second"), ("failed", "failed")] {
        if let left = old[measure].double, let right = new[measure].double {
          rows.append((name, title, left, right, false))
        }
      }
      for (measure, title) in [("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max")] {
        if let left = old["latency"][measure].double, let right = new["latency"][measure].double {
          rows.append((name, title, left, right, true))
        }
      }
    }
    add("all", before.json["total"], after.json["total"])
    for old in before.json["journeys"].items {
      guard let new = after.json["journeys"].items.first(where: { $0["name"] == old["name"] }) else { continue }
      add(old["name"].string ?? "", old, new)
    }
    for side in ["client", "server"] {
      guard let left = before.json[side]["cpuMicrosecondsPerCall"].double,
        let right = after.json[side]["cpuMicrosecondsPerCall"].double
      else { continue }
      rows.append((side, "CPU us a call", left, right, false))
    }
    return rows
  }

  /// The text report.
  package var text: String {
    var lines = differences.map { "different settings: \($0)" }
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    for row in rows {
      let change = row.before == 0 ? "" : signed((row.after / row.before - 1) * 100)
      let values = [row.before, row.after].map { row.isTime ? Decimals.duration($0) : Decimals.short($0) }
      lines.append(
        row.name + String(repeating: " ", count: max(1, 12 - row.name.count)) + padded(row.measure, 14)
          + padded(values[0], 12) + padded(values[1], 12) + padded(change, 10))
    }
    return lines.joined(separator: "\n")
  }

  private func signed(_ percent: Double) -> String { (percent >= 0 ? "+" : "") + Decimals.text(percent, 1) + " %" }

  /// The JSON report. Times in nanoseconds; `ratio` is after / before.
  package var json: String {
    JSONValue.object([
      ("format", .string("streak-load comparison 1")), ("differentSettings", .array(differences.map { .string($0) })),
      (
        "rows",
        .array(
          rows.map {
            .object([
              ("name", .string($0.name)), ("measure", .string($0.measure)), ("before", .number($0.before)),
              ("after", .number($0.after)), ("ratio", $0.before == 0 ? .null : .number($0.after / $0.before)),
            ])
          })
      ),
    ]).text + "\n"
  }
}
