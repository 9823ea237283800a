// Writes the operator's reference pages from the tables in `ServerReference`: Settings.md and
// Metrics.md. Run by ../generate.
import Glibc
import ServerReference

/// Swift's multi-line literals end without a line feed; so does every text here.
func write(_ name: String, _ text: String) throws(WriteError) {
  let path = "\(CommandLine.arguments[1])/\(name)"
  guard let file = fopen(path, "w") else { throw WriteError(path: path) }
  defer { fclose(file) }
  guard fputs(text + "\n", file) >= 0 else { throw WriteError(path: path) }
}

struct WriteError: Error {
  let path: String
}

/// Names of settings and paths of pages as code.
func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

func settings() -> String {
  var text = """
    # Settings

    Every setting of `streakd`, with its default, unit and range.

    This page is generated from `Sources/ServerReference/Setting+All.swift` by `codegen/generate`.

    A setting is an option (`--listen`), an environment variable (`STREAKD_LISTEN`) or a line of the file that
    `--config` names (`listen = 127.0.0.1:50051`). An option wins over the environment, the environment over the file.

    The file has one `NAME = VALUE` on a line. A flag's value is `true` or `false`. A `#` at the start of a line or after white
    space begins a comment. A value between single or double quotes is taken as it stands. An unknown name, a name
    without a value and a name that is set twice are refused with the file's name and line.

    """
  for group in Setting.Group.allCases {
    text += "\n## \(group.rawValue)\n\n"
    text += "| option | environment | default | range | meaning |\n| --- | --- | --- | --- | --- |\n"
    for setting in Setting.all where setting.group == group {
      let option = setting.value.map { "`--\(setting.name) \($0)`" } ?? "`--\(setting.name)`"
      let variable = setting.name == Setting.config.name ? "" : "`\(setting.variable)`"
      let range = setting.range.map { "\($0.lowerBound) to \($0.upperBound)" } ?? ""
      text += "| \(option) | \(variable) | \(cell(setting.fallback ?? "")) | \(range) | \(cell(setting.meaning)) |\n"
    }
  }
  return text.trimmed
}

func metrics() -> String {
  var text = """
    # Metrics

    Every metric family of `/metrics`, with its type, labels, meaning and reading.

    This page is generated from `Sources/ServerReference/MetricFamily+All.swift` by `codegen/generate`.

    `--admin-listen 127.0.0.1:9464` serves `/metrics` in Prometheus' text format. Scrape each server process. Families
    of backups are present with `--backup-folder`; families of the archive after `streakctl pitr setup`.

    """
  for group in MetricFamily.Group.allCases {
    text += "\n## \(group.rawValue)\n\n"
    text += "| metric | type | labels | meaning | reading |\n| --- | --- | --- | --- | --- |\n"
    for family in MetricFamily.all where family.group == group {
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      text +=
        "| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(cell(family.help)) | \(cell(family.reading)) |\n"
    }
  }
  return text.trimmed
}

extension String {
  /// Without the line feeds at its end.
  var trimmed: String {
    var text = self
    while text.last == "\n" { text.removeLast() }
    return text
  }
}

guard CommandLine.arguments.count == 2 else {
  print("usage: write-reference FOLDER")
  exit(64)
}
try write("Settings.md", settings())
try write("Metrics.md", metrics())
