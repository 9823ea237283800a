import Glibc
import ProgramSupport

extension TextStyle {
  /// The style of standard output.
  static let output = TextStyle.of(STDOUT_FILENO)

  private static func of(_ descriptor: Int32) -> TextStyle {
    let isTerminal = isatty(descriptor) == 1
    var style = TextStyle()
    style.isUTF8 = isUTF8(environment)
    style.isColored = isTerminal && environment("NO_COLOR") == nil && environment("TERM") != "dumb"
    if let columns = environment("COLUMNS").flatMap({ Int($0) }), columns > 0 {
      style.columns = columns
    } else if isTerminal {
      var size = winsize()
      style.columns = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
    return style
  }
}

func printError(_ text: String) { ProgramSupport.printError(TextStyle.output.encoded("streak: \(text)")) }

/// Prints a line without buffering, also into a pipe, so that a program that reads it can react.
func say(_ text: String) {
  let bytes = Array("\(TextStyle.output.encoded(text))\n".utf8)
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

/// The language of the locale as a BCP 47 tag; empty: the C locale.
func localeLanguage() -> String {
  let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].lazy.compactMap { environment($0) }.first ?? ""
  let tag = locale.prefix { $0 != "." && $0 != "@" }.map { $0 == "_" ? "-" : $0 }
  return ["C", "POSIX"].contains(String(tag)) || tag.count > 35 ? "" : String(tag)
}

enum Terminal {
  /// Prints a prompt if standard input is a terminal.
  static func prompt(_ text: String) {
    guard isatty(STDIN_FILENO) == 1 else { return }
    let bytes = Array(TextStyle.output.encoded(text).utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  /// Reads a line without echo; from a pipe or a file, just reads it. Passwords are not accepted as
  /// arguments, which every user of the machine can see.
  static func password(_ prompt: String) throws -> String { try secret(prompt, "password") }

  /// - Parameters:
  ///   - name: What is missing if nothing comes.
  ///   - mayBeEmpty: An empty line is an answer.
  static func secret(_ prompt: String, _ name: String, mayBeEmpty: Bool = false) throws -> String {
    let isTerminal = isatty(STDIN_FILENO) == 1
    var settings = termios()
    if isTerminal {
      // Before the prompt, so that no typed character is echoed, and none is lost if a script
      // answers the prompt.
      tcgetattr(STDIN_FILENO, &settings)
      var silent = settings
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
      self.prompt(prompt)
    }
    let line = readLine(strippingNewline: true)
    if isTerminal {
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
      _ = write(STDERR_FILENO, "\n", 1)
    }
    guard let line, mayBeEmpty || !line.isEmpty else {
      throw CommandFailure("There is no \(name) on standard input.", EX_USAGE)
    }
    return line
  }

  /// Asks for a new password, on a terminal twice.
  static func newPassword(_ prompt: String) throws -> String {
    let password = try password(prompt)
    if isatty(STDIN_FILENO) == 1, try Terminal.password("Again: ") != password {
      throw CommandFailure("The two passwords differ.")
    }
    return password
  }
}
