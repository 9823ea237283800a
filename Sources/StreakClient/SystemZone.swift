internal import Glibc
internal import StreakDomain

/// The IANA name of this process's zone, found as glibc does it: from TZ, else from /etc/localtime.
/// Nil: the rules have no name that can be found here, and only the offset is sent.
struct SystemZone {
  let name: String?

  init() {
    tzset()
    self.init(
      tz: getenv("TZ").map { String(cString: $0) }, localtime: "/etc/localtime", timezone: "/etc/timezone",
      zoneFolder: "/usr/share/zoneinfo")
  }

  /// - Parameters:
  ///   - tz: The environment's TZ; nil: it is not set.
  ///   - localtime: The path of the zone's file: a link into the database, or a copy of one of its
  ///     files.
  ///   - timezone: The path of a file with the zone's name; it is used only if it agrees with
  ///     `localtime`.
  ///   - zoneFolder: The database's folder.
  init(tz: String?, localtime: String, timezone: String, zoneFolder: String) {
    if let tz {
      // As glibc reads it: empty means UTC, and a ":" may precede a name or a path.
      let place = String(tz.drop { $0 == ":" })
      let files = ZoneFiles(zoneFolder)
      name =
        if place.isEmpty {
          "UTC"
        } else if place.first == "/" {
          Self.name(inPath: Self.target(of: place) ?? place) ?? Self.name(inPath: place) ?? files.name(ofCopy: place)
        } else {
          Self.checked(place)
        }
      return
    }
    guard access(localtime, R_OK) == 0 else {
      // glibc then uses UTC and ignores the other file.
      name = "UTC"
      return
    }
    if let linked = Self.target(of: localtime).flatMap({ Self.name(inPath: $0) }) {
      name = linked
      return
    }
    let files = ZoneFiles(zoneFolder)
    let stated = Self.firstLine(of: timezone).flatMap { Self.checked($0) }
    if let stated, files.agrees(stated, withCopy: localtime) != false {
      name = stated
    } else {
      name = files.name(ofCopy: localtime)
    }
  }

  /// The name for a zone of which only the offset is known, such as "+08:00".
  static func name(ofOffsetSeconds seconds: Int32) -> String {
    let minutes = abs(seconds) / 60
    func digits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(seconds < 0 ? "-" : "+")\(digits(minutes / 60)):\(digits(minutes % 60))"
  }

  /// The part of a path after "zoneinfo".
  private static func name(inPath path: String) -> String? {
    guard path.first == "/" else { return nil }
    let parts = path.split(separator: "/")
    guard let place = parts.lastIndex(of: "zoneinfo") else { return nil }
    let name = parts[(place + 1)...].drop { $0 == "posix" || $0 == "right" }
    return checked(name.joined(separator: "/"))
  }

  /// A name of the database, such as "Asia/Kathmandu"; nil for a path, for rules such as
  /// "CET-1CEST", and for "localtime".
  private static func checked(_ text: String) -> String? {
    let name = text.drop { $0 == ":" }
    let isName =
      name.first?.isLetter == true && name.utf8.count <= DayRules.zoneBytesMax && name != "localtime"
      && name.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789/_+-".unicodeScalars.contains($0))
      }
    guard isName,
      name.contains("/") || !name.contains(where: \.isNumber) || name.hasPrefix("UTC") || name.hasPrefix("GMT")
    else {
      return nil
    }
    return String(name)
  }

  /// The target of a link, also over several links.
  private static func target(of path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func firstLine(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: DayRules.zoneBytesMax + 2)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let bytes = line.prefix { $0 != 0 && $0 != 10 && $0 != 13 && $0 != 32 }
    return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
