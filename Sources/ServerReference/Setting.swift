/// A setting of `streakd`: an option, an environment variable, and a line of the settings file, all
/// with the same name.
///
/// The table below is the only one: options, `--help`, the parser and the operator's page are made
/// from it.
package struct Setting: Sendable {
  /// The chapters of the operator's page, in order.
  package enum Group: String, CaseIterable, Sendable {
    case serving = "Addresses and threads"
    case database = "Database"
    case connections = "Connections and memory"
    case rates = "Rate limits and passwords"
    case tls = "TLS"
    case observation = "Health, logs and metrics"
    case backups = "Backups and operators"
    case mail = "Mail"
  }

  /// The option's name without `--`; also the name in the settings file.
  package let name: String
  package let group: Group
  /// The placeholder for the value in `--help`; nil: a flag.
  package let value: String?
  /// The default; nil: none.
  package let fallback: String?
  /// The range of a number.
  package let range: ClosedRange<Int>?
  /// What it does, and its unit: whole sentences.
  package let meaning: String

  init(
    _ name: String, _ group: Group, _ value: String?, default fallback: String? = nil,
    in range: ClosedRange<Int>? = nil, _ meaning: String
  ) {
    self.name = name
    self.group = group
    self.value = value
    self.fallback = fallback
    self.range = range
    self.meaning = meaning
  }

  /// The environment variable, such as `STREAKD_LISTEN`.
  package var variable: String { "STREAKD_" + name.uppercased().replacing("-", with: "_") }

  /// The default as a number; nil if it is not a number.
  package var number: Int? { fallback.flatMap { Int($0) } }

  /// The text for `--help`.
  package var help: String {
    let limits = range.map { " \($0.lowerBound) to \($0.upperBound)." } ?? ""
    let fallback = fallback.map { value == nil ? "" : " (default: \($0))" } ?? ""
    return meaning + limits + fallback
  }
}
