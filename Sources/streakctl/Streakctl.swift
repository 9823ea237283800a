import ArgumentParser
import ProgramSupport

/// The operators' and developers' tool.
@main
struct Streakctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streakctl",
    abstract: "Calls a streakd server, and manages its data.",
    discussion: """
      Exit codes: 0 success; 1 the server refused the call, or an audit trail is broken; 64 wrong usage; 65 the request is not valid JSON for the method; \
      69 the server cannot be reached.
      """,
    version: ProgramVersion.text(of: "streakctl"),
    subcommands: [
      CallCommand.self, MethodsCommand.self, ExportCommand.self, ImportCommand.self, AuditCommand.self,
      BackupCommand.self, PointInTimeCommand.self, AccountCommand.self, KeyCommand.self,
    ])

  static func main() async {
    ProcessSecrets.forbidCoreDumps()
    await main(nil)
  }
}
