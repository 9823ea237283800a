internal import Glibc

/// The machine's time zone database: one file per name.
struct ZoneFiles {
  private let folder: String

  /// Most bytes of a zone's file, and of the list of names.
  static let fileBytesMax = 262_144

  init(_ folder: String) { self.folder = folder }

  /// Whether a zone's file is equal to another file; nil: that file does not exist.
  func agrees(_ name: String, withCopy path: String) -> Bool? {
    guard let wanted = Self.bytes(of: "\(folder)/\(name)") else { return nil }
    return wanted == Self.bytes(of: path)
  }

  /// The name of the zone whose file was copied to a path; nil if no zone's file is equal. Of
  /// several equal ones, the first in the list of current zones.
  func name(ofCopy path: String) -> String? {
    guard let copy = Self.bytes(of: path) else { return nil }
    return names.first { name in
      var status = stat()
      guard stat("\(folder)/\(name)", &status) == 0, Int(status.st_size) == copy.count else { return false }
      return Self.bytes(of: "\(folder)/\(name)") == copy
    }
  }

  /// The current zones, in the order of the database's own list, then UTC.
  private var names: [String] {
    for list in ["zone1970.tab", "zone.tab"] {
      guard let bytes = Self.bytes(of: "\(folder)/\(list)") else { continue }
      let names = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line -> String? in
        let columns = line.split(separator: "\t")
        return line.hasPrefix("#") || columns.count < 3 ? nil : String(columns[2])
      }
      return names + ["UTC"]
    }
    return []
  }

  /// Nil if there is no such file, or it is larger than a zone's file can be.
  private static func bytes(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes[count...].withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
      if more < 0, errno == EINTR { continue }
      guard more > 0 else { break }
      count += more
    }
    return count > fileBytesMax || count == 0 ? nil : Array(bytes[..<count])
  }
}
