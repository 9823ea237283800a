import ArgumentParser
import Glibc
import ProgramSupport

func complain(_ text: String) {
  let bytes = Array("streak: \(text)\n".utf8)
  _ = write(STDERR_FILENO, bytes, bytes.count)
}

/// Prints a line at once, also into a pipe: whoever reads it may rely on what it says.
func say(_ text: String) {
  let bytes = Array("\(text)\n".utf8)
  var start = 0
  while start < bytes.count {
    let count = bytes[start...].withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return }
    start += count
  }
}

func hostName() -> String {
  var name = [CChar](repeating: 0, count: 128)
  guard gethostname(&name, name.count - 1) == 0 else { return "terminal" }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

enum Terminal {
  /// Whether colours and signs beyond ASCII may be used.
  static let isRich: Bool =
    isatty(STDOUT_FILENO) == 1 && environment("NO_COLOR") == nil && environment("TERM") != "dumb"

  static func colored(_ text: String, _ color: UInt32) -> String {
    guard isRich, color != 0 else { return text }
    return "\u{1B}[38;2;\(color >> 16 & 255);\(color >> 8 & 255);\(color & 255)m\(text)\u{1B}[0m"
  }

  /// Text of a person's, without what would steer the terminal.
  static func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  static func dim(_ text: String) -> String { isRich ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
  static func bold(_ text: String) -> String { isRich ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  /// Asks for a line without showing it; from a pipe or a file, reads it. Never from the arguments, which everybody can see.
  static func password(_ prompt: String) throws -> String {
    let isTerminal = isatty(STDIN_FILENO) == 1
    var settings = termios()
    if isTerminal {
      // Before the prompt: whoever types, or a script that answers it, is not shown and not lost.
      tcgetattr(STDIN_FILENO, &settings)
      var silent = settings
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
      let bytes = Array(prompt.utf8)
      _ = write(STDERR_FILENO, bytes, bytes.count)
    }
    let line = readLine(strippingNewline: true)
    if isTerminal {
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
      _ = write(STDERR_FILENO, "\n", 1)
    }
    guard let line, !line.isEmpty else { throw Complaint("There is no password on standard input.", EX_USAGE) }
    return line
  }
}
