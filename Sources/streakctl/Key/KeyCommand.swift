import ArgumentParser

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Makes and replaces the server key of a database.",
    discussion: """
      The file of --server-key-file encrypts the database's secrets. To replace its key: streakctl key rotate on one machine, copy the \
      file to every server of the database, streakctl key retire, copy it again. Servers that are running need no restart. A copy of \
      the file belongs where the backups' private key is: a database that is restored needs the key of its time, or a file that has \
      it as the previous one.
      """,
    subcommands: [MakeKeyCommand.self, RotateKeyCommand.self, RetireKeyCommand.self, RenewKeyCommand.self])
}
