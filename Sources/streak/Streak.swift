import ArgumentParser
import Glibc
import ProgramSupport

/// Habits and streaks in the terminal.
@main
struct Streak: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streak",
    abstract: "Keeps your habits and streaks: on this device at once, on all your devices with an account.",
    discussion: """
      Everything works without a server and without an account; what you record is on the disk when the command returns.

      Begin:        streak habit add reading && streak done reading && streak status
      Later:        streak signup you@example.com --server HOST:PORT
      Elsewhere:    streak login you@example.com --server HOST:PORT

      Files: the data is in $XDG_DATA_HOME/streak (~/.local/share/streak), settings are read from $XDG_CONFIG_HOME/streak/config \
      (~/.config/streak/config) with lines such as "server = HOST:PORT", "tls = true", "tls-ca = FILE", "tls-certificate = FILE", \
      "tls-key = FILE", "server-name = NAME", "allow-cleartext = true". Options come before the environment \
      (STREAK_SERVER, STREAK_DATA), the environment before the file.

      Completion of commands and habits: streak --generate-completion-script bash (or zsh, fish). --json writes for programs. Output is ASCII where the \
      locale is not UTF-8; NO_COLOR and COLUMNS are heeded.

      Exit codes: 0 done; 1 refused; 64 wrong usage; 65 an imported file cannot be understood; 66 it cannot be read; 69 the server cannot be \
      reached; 73 a file cannot be written; 74 the data cannot be kept or read; 77 you have to sign in.
      """,
    version: ProgramVersion.text(of: "streak"),
    subcommands: [
      DoneCommand.self, UndoCommand.self, NoteCommand.self, TodayCommand.self, StatusCommand.self, HabitCommand.self,
      DayStartCommand.self, SignUpCommand.self, LogInCommand.self, LogOutCommand.self, ForgotPasswordCommand.self,
      AccountCommand.self,
      SyncCommand.self, ConflictsCommand.self, RecoverCommand.self, ExportCommand.self, ImportCommand.self,
    ])

  static func main() async {
    ProcessSecrets.forbidCoreDumps()
    do {
      var command = try await asyncParseAsRoot()
      if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
    } catch let failure as CommandFailure {
      printError(failure.description)
      Glibc.exit(failure.exitCode)
    } catch {
      exit(withError: error)
    }
  }
}
