import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Changes the password, shows and signs out devices, deletes the account.",
    subcommands: [
      PasswordCommand.self, DevicesCommand.self, SignOutDeviceCommand.self, DeleteAccountCommand.self,
    ])
}
