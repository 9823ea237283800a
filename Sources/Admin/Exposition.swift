/// Figures in Prometheus' text format, version 0.0.4.
///
/// Source: prometheus.io, "Exposition formats". Each family of figures comes once, with its help
/// and type, before its samples.
package struct Exposition: Sendable {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Everything added so far.
  package private(set) var text = ""

  package enum Kind: String, Sendable {
    case counter
    case gauge
  }

  /// Names and values that distinguish a family's samples, in order.
  package typealias Labels = [(name: String, value: String)]

  package struct Sample: Sendable {
    let labels: Labels
    let value: Double

    package init(_ labels: Labels, _ value: Double) {
      self.labels = labels
      self.value = value
    }

    package init(_ labels: Labels, _ value: some BinaryInteger) { self.init(labels, Double(value)) }
  }

  package init() {}

  /// Adds a family of plain figures. The names of counters end in `_total`.
  package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    begin(name, kind.rawValue, help)
    for sample in samples { line(name, sample.labels, sample.value) }
  }

  /// Adds a family of one figure.
  package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
    add(name, kind, help, [Sample([], value)])
  }

  /// Begins a family of histograms.
  package mutating func beginHistogram(_ name: String, _ help: String) { begin(name, "histogram", help) }

  /// Adds one histogram to the family begun last.
  /// - Parameters:
  ///   - borders: Upper borders of the buckets but the last, ascending.
  ///   - counts: Of each bucket alone; one more than borders.
  package mutating func addHistogram(
    _ name: String, _ labels: Labels, borders: [Double], counts: [UInt64], sum: Double
  ) {
    var total: UInt64 = 0
    for (border, count) in zip(borders + [.infinity], counts) {
      total += count
      line("\(name)_bucket", labels + [("le", Self.text(border))], Double(total))
    }
    line("\(name)_sum", labels, sum)
    line("\(name)_count", labels, Double(total))
  }

  /// Begins a family of summaries without quantiles.
  package mutating func beginSummary(_ name: String, _ help: String) { begin(name, "summary", help) }

  /// Adds one summary to the family begun last.
  package mutating func addSummary(_ name: String, _ labels: Labels, sum: Double, count: Int) {
    line("\(name)_sum", labels, sum)
    line("\(name)_count", labels, Double(count))
  }

  private mutating func begin(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(type)\n"
  }

  private mutating func line(_ name: String, _ labels: Labels, _ value: Double) {
    text += name
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        if index > 0 { text += "," }
        text += "\(label.name)=\"\(Self.escape(label.value, quotes: true))\""
      }
      text += "}"
    }
    text += " \(Self.text(value))\n"
  }

  /// A backslash before backslashes and, in label values, quotes; line feeds as `\n`.
  private static func escape(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Whole numbers without a fraction, as far as a `Double` represents them.
  private static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value == value.rounded(), abs(value) < 0x1p53 { return "\(Int64(value))" }
    return "\(value)"
  }
}
