import ArgumentParser
import Glibc
import ProgramSupport
import StreakDomain
import StreakStore

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Looks at the audit trail.", subcommands: [Verify.self])

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract:
        "Checks every user's chain of audit events, and names the first broken event of each broken chain.",
      discussion: """
        Reads the database itself. A private PostgreSQL's is "host=DATA_FOLDER/socket user=streakd dbname=postgres". \
        Exit codes: 0 all chains hold; 1 some do not; 69 the database cannot be read.
        """)

    @Option(help: "A libpq URL or conninfo; else the environment's STREAKD_DATABASE.")
    var database: String?

    @Option(help: "Only this person's chain: the user id's 32 hexadecimal digits.")
    var user: String?

    func run() async throws {
      let userID = try user.map { text in
        guard let userID = Identifier(hexadecimal: text.filter { $0 != "-" }) else {
          throw ValidationError("--user must be 32 hexadecimal digits.")
        }
        return userID
      }
      let result = try await withStore(database) { store throws(StoreError) in try await store.verifyAudit(of: userID) }
      switch result {
      case .failure(let error):
        printError("The audit trail cannot be read: \(error)")
        throw ExitCode(EX_UNAVAILABLE)
      case .success(let verification):
        for fault in verification.faults { print("\(fault.userID): \(fault.description)") }
        print(
          "\(verification.peopleCount) people, \(verification.eventCount) events, \(verification.faultCount) broken chains"
        )
        if verification.faultCount > 0 { throw ExitCode(1) }
      }
    }
  }
}
