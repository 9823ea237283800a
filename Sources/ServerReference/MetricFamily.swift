/// A family of metrics on `/metrics`: its name, type and labels, and its meaning for an operator.
///
/// The table below is the only one: the Prometheus page and the operator's page are made from it.
package struct MetricFamily: Sendable {
  package enum Kind: String, Sendable {
    case counter
    case gauge
    case histogram
    case summary
  }

  /// The chapters of the operator's page, in order.
  package enum Group: String, CaseIterable, Sendable {
    case process = "Process"
    case calls = "Calls"
    case connections = "Connections and memory"
    case loops = "Event loops"
    case database = "Database"
    case backups = "Backups"
    case archive = "Archive of the log"
    case mail = "Mail"
  }

  package let name: String
  package let group: Group
  package let kind: Kind
  package let labels: [String]
  /// What is counted or measured: one sentence, also used for `# HELP`.
  package let help: String
  /// What a value tells an operator, and what to do; empty if `help` is enough.
  package let reading: String

  init(
    _ name: String, _ group: Group, _ kind: Kind, labels: [String] = [], _ help: String, reading: String = ""
  ) {
    self.name = name
    self.group = group
    self.kind = kind
    self.labels = labels
    self.help = help
    self.reading = reading
  }
}
