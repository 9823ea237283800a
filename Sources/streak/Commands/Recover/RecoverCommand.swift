import ArgumentParser

struct RecoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover", abstract: "Brings back what the account held at an earlier moment.",
    discussion: """
      streak recover list shows the moments; request asks for one, and the operator takes it out of the backups; show lists what would come back, \
      and confirm merges it: nothing that is in the account now is overwritten.
      """,
    subcommands: [
      ListRecoveriesCommand.self, RequestRecoveryCommand.self, ShowRecoveryCommand.self, ConfirmRecoveryCommand.self,
      CancelRecoveryCommand.self,
    ])
}
