import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract:
      "Shows the account; changes password and email, makes recovery codes, signs out devices, deletes the account.",
    subcommands: [
      ShowAccountCommand.self, PasswordCommand.self, RecoveryCodesCommand.self, ApproveCommand.self,
      DevicesCommand.self, SignOutDeviceCommand.self, DeleteAccountCommand.self, KeepAccountCommand.self,
      VerifyCommand.self, ChangeEmailCommand.self, TakeBackCommand.self,
    ])
}
