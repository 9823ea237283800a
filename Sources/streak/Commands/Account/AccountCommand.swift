import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Changes the password and the email, shows and signs out devices, deletes the account.",
    subcommands: [
      PasswordCommand.self, DevicesCommand.self, SignOutDeviceCommand.self, DeleteAccountCommand.self,
      VerifyCommand.self, ChangeEmailCommand.self, TakeBackCommand.self,
    ])
}
