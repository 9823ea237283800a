/// Texts for commands that PostgreSQL passes to a shell.
enum ShellText {
  /// The text quoted as one word of the shell.
  static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// The text escaped for a quoted setting in PostgreSQL's configuration files.
  static func setting(_ text: String) -> String {
    text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
      .split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
  }

  /// The command with every `%` doubled, so that PostgreSQL takes it literally.
  ///
  /// Source: PostgreSQL's manual, archive_command and restore_command.
  static func withoutPlaceholders(_ command: String) -> String {
    command.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
  }
}
