import ArgumentParser

/// Backups, started by a person or by a scheduler.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Makes, lists, checks, cleans up and restores backups.",
    discussion: """
      A backup is a pg_dump, compressed by zstd and encrypted by age to a public key. Make a pair of keys with \
      age-keygen on another machine, and bring only the line that begins with age1 to the server. Its manifest is signed by a \
      key of the server, because anything that may write the folder can encrypt to a public key: keep what \
      streakctl backup signer prints beside the private key.

      Exit codes: 0 success; 1 it failed, or something was found damaged; 64 wrong usage; 75 another program makes or restores backups.
      """,
    subcommands: [
      RunBackupCommand.self, ListBackupsCommand.self, VerifyBackupCommand.self, PruneBackupsCommand.self,
      RestoreBackupCommand.self, SignerCommand.self, SignLedgerCommand.self,
    ])
}
