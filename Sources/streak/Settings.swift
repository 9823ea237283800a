import Glibc

/// A file with a `name = value` in each line; lines that begin with # are notes.
struct Settings {
  private var values: [String: String] = [:]

  static let bytesMax = 65_536

  /// Nil if there is no such file.
  init?(path: String) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
    let count = read(file, &bytes, bytes.count)
    for line in String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(separator: "\n") {
      guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
      values[Self.trimmed(line[..<equals])] = Self.trimmed(line[line.index(after: equals)...])
    }
  }

  subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  static func write(_ lines: [String], to path: String) throws {
    let file = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Complaint("\(path): \(String(cString: strerror(errno)))", EX_IOERR) }
    let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
    let count = Glibc.write(file, bytes, bytes.count)
    close(file)
    guard count == bytes.count, rename(path + ".new", path) == 0 else {
      throw Complaint("\(path) cannot be written.", EX_IOERR)
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " || $0 == "\r" }.reversed())
  }
}
