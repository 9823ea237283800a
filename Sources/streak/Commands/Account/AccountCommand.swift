import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Shows the account; changes the password, makes recovery codes, signs out devices, deletes the account.",
    subcommands: [
      ShowAccountCommand.self, PasswordCommand.self, RecoveryCodesCommand.self, ApproveCommand.self,
      DevicesCommand.self, SignOutDeviceCommand.self, DeleteAccountCommand.self,
      KeepAccountCommand.self,
    ])
}
