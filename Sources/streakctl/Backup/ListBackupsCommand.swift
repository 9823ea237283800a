import ArgumentParser
import GRPCSchema
import Operations
import ProtobufCodec
import Schema

struct ListBackupsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the backups, oldest first.")

  @OptionGroup var place: FolderOption

  @Flag(help: "Print the manifests as JSON, one a line.")
  var json = false

  func run() async throws {
    let path = try place.path()
    let backups = try await operate(isQuiet: true) { () throws(OperationsError) in
      try BackupFolder(path).backups()
    }
    for backup in backups {
      if json {
        print(try backup.json())
      } else {
        print("\(backup.name)  \(ProgressDisplay.megabytes(Int(backup.fileBytes)))  \(Self.state(backup))")
      }
    }
  }

  private static func state(_ backup: Backup) -> String {
    if let check = backup.lastCheck, !check.failure.isEmpty { return "damaged: \(check.failure)" }
    guard let trial = backup.trial else { return "not verified" }
    return trial.failure.isEmpty ? "verified" : "not verified: \(trial.failure)"
  }
}
