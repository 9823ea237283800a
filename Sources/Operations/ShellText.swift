/// Texts for commands that PostgreSQL hands to a shell.
enum ShellText {
  /// As one word, whatever is in it.
  static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// As it stands between the quotes of a setting in PostgreSQL's configuration files.
  static func setting(_ text: String) -> String {
    text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
      .split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
  }

  /// With the sign of PostgreSQL's placeholders doubled, which then stands for itself.
  ///
  /// Source: PostgreSQL's manual, archive_command and restore_command.
  static func withoutPlaceholders(_ command: String) -> String {
    command.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
  }
}
