import ArgumentParser
import StreakLoad

/// Two runs' reports side by side.
struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Shows two runs side by side, and in what their settings differ.")

  @Argument(help: "What streak-load run --json has written first.")
  var before: String

  @Argument(help: "What it has written later.")
  var after: String

  @Option(help: "Write the comparison as JSON into this file.")
  var json: String?

  func run() async throws {
    let comparison = Comparison(try report(before), try report(after))
    print(comparison.text)
    if let json { try Files.write(comparison.json, to: json) }
  }

  private func report(_ path: String) throws -> RunReport {
    guard let report = RunReport(parsing: try Files.read(path)) else {
      throw ValidationError("\(path) is not what --json writes.")
    }
    return report
  }
}
