import ArgumentParser
import Glibc
import ProgramSupport
import StreakLoad

/// Compares the acknowledgements of an earlier run with the service's current data.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Checks again that every acknowledged write of a run is stored once, for example after a crash.",
    discussion: "The access tokens in the file must not have ended: they live an hour.")

  @Argument(help: "What streak-load run --keep has written.")
  var file: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let text = try Files.read(file)
    let target = try await server.server()
    let database = try server.database()
    guard let run = await LoadRun.auditing(text, server: target) else {
      throw ValidationError("\(file) is not what --keep writes.")
    }
    if let failure = await run.connect() {
      printError("\(server.address) cannot be reached: \(failure).\(ConnectionSecurity.advice(on: failure))")
      await run.close()
      throw ExitCode(EX_UNAVAILABLE)
    }
    let report = await run.audit(database: database)
    await run.close()
    print(report.summary)
    for finding in report.findings { print("  \(finding.kind.rawValue): \(finding.person): \(finding.text)") }
    if !report.isClean { throw ExitCode(1) }
  }
}
