import ArgumentParser
import Operations
import ProgramSupport

/// Recovery to any moment.
struct PointInTimeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pitr",
    abstract: "Archives the private PostgreSQL's log with pgBackRest, and restores any moment.",
    discussion: "On the machine, and as the user, that runs streakd. Exit codes as those of backup.",
    subcommands: [Setup.self, Run.self, List.self, Verify.self, Go.self])

  struct DataFolder: ParsableArguments {
    @Option(help: "The data folder of a running streakd. (environment: STREAKD_DATA_FOLDER; default: .streakd)")
    var dataFolder: String?

    func path() -> String { dataFolder ?? environment("STREAKD_DATA_FOLDER") ?? ".streakd" }
  }

  struct Setup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Starts archiving into an encrypted repository; restarts PostgreSQL once, and makes a first backup.")
    @OptionGroup var folder: DataFolder
    @Option(help: "The repository's folder, best on another disk.") var repository: String
    @Option(help: "How many days back a moment can be restored.") var retentionDays = 30

    func run() async throws {
      let (path, repository, days) = (folder.path(), repository, retentionDays)
      let progress = Progress()
      try await operate(progress) { () throws(OperationsError) in
        try PointInTime(dataFolder: path, progress: progress).setUp(repository: repository, retentionDays: days)
      }
      print("archiving; keep a copy of \(path)/pgbackrest.conf elsewhere: it holds the repository's passphrase")
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "backup", abstract: "Makes a base backup of what changed, or of everything; expires old ones.")
    @OptionGroup var folder: DataFolder
    @Flag(help: "Of everything.") var full = false

    func run() async throws {
      let (path, full) = (folder.path(), full)
      let progress = Progress()
      try await operate(progress) { () throws(OperationsError) in
        try PointInTime(dataFolder: path, progress: progress).backUp(full: full)
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Says what is in the repository, and which moments can be restored. Exit code 1: the log does not reach it.")
    @OptionGroup var folder: DataFolder

    func run() async throws {
      let path = folder.path()
      let (text, failure) = try await operate(isQuiet: true) { () throws(OperationsError) in
        try PointInTime(dataFolder: path).list()
      }
      print(text, terminator: "")
      guard let failure else { return }
      printError(failure)
      throw ExitCode(1)
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Compares all of the repository with its checksums.")
    @OptionGroup var folder: DataFolder

    func run() async throws {
      let path = folder.path()
      let progress = Progress()
      print(
        try await operate(progress) { () throws(OperationsError) in
          try PointInTime(dataFolder: path, progress: progress).verify()
        }, terminator: "")
    }
  }

  struct Go: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore", abstract: "Makes a new data folder with the state of a moment.")
    @Option(help: "The moment, such as '2026-11-24 07:00:00+00', or latest: the end of the log in the repository.")
    var to: String
    @Option(help: "The data folder to make, for streakd --data-folder.") var into: String
    @Option(name: .customLong("config"), help: "pgbackrest.conf, or a copy of it.") var configurationFile: String
    @Option(help: "The erasure ledger: the file erasures in the backup folder.") var ledger: String?
    @Flag(help: "Restore without an erasure ledger: people who were erased since come back.") var withoutLedger = false
    @OptionGroup var trust: SignerOptions

    func run() async throws {
      guard (ledger != nil) != withoutLedger else {
        throw ValidationError("Name the erasure ledger (--ledger), or say --without-ledger.")
      }
      let (to, into, file, ledger, trust) = (to, into, configurationFile, ledger, trust)
      let progress = Progress()
      let epoch = try await operate(progress) { () throws(OperationsError) in
        try PointInTime.restore(
          configuration: file, to: to == "latest" ? .latest : .time(to), into: into,
          ledger: ledger.map { ErasureLedger(named: $0) }, signers: try trust.signers(identity: nil), progress: progress
        )
      }
      print("restored to \(to), epoch \(epoch)")
    }
  }
}
