import Glibc
@testable import StreakClient
import Testing

@Suite("The name of the machine's zone (H11)")
struct SystemZoneTests {
  private let folder = TestFolder()

  private let zones = "/usr/share/zoneinfo"

  private func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  @Test(
    "TZ names a zone, with a colon or as a path; rules and unknown paths name none",
    arguments: [
      ("Asia/Kathmandu", "Asia/Kathmandu"), (":Europe/Berlin", "Europe/Berlin"), ("", "UTC"), ("UTC", "UTC"),
      ("Etc/GMT-8", "Etc/GMT-8"),
      ("/usr/share/zoneinfo/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
      (":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"), (":/nowhere/localtime", nil),
      ("CET-1CEST,M3.5.0,M10.5.0/3", nil),
      ("<+08>-8", nil), ("XYZ-8", nil),
    ])
  func environment(text: String, name: String?) {
    #expect(SystemZone(tz: text, localtime: "/nowhere", timezone: "/nowhere", zoneFolder: zones).name == name)
  }

  @Test("without TZ the link decides, else the equal file, and a name only if it agrees with that")
  func files() throws {
    let database = folder.path + "/zones"
    mkdir(database, 0o700)
    mkdir(database + "/Asia", 0o700)
    mkdir(database + "/Europe", 0o700)
    let list = "# comment\nCN\t+3114+12128\tAsia/Shanghai\tBeijing\nDE\t+5230+01322\tEurope/Berlin\n"
    let files = [
      ("zone1970.tab", list), ("Asia/Shanghai", "TZif2 east"), ("Europe/Berlin", "TZif2 west"),
      ("Asia/Chongqing", "TZif2 east"),
    ]
    for (name, text) in files { write(text, to: "\(database)/\(name)") }
    let (copy, timezone) = (folder.path + "/copy", folder.path + "/timezone")
    defer {
      for path in files.map({ "\(database)/\($0.0)" }) + [copy, timezone] { unlink(path) }
      for path in ["/Asia", "/Europe", ""] { rmdir(database + path) }
    }
    func name(_ localtime: String) -> String? {
      SystemZone(tz: nil, localtime: localtime, timezone: timezone, zoneFolder: database).name
    }
    symlink("/usr/share/zoneinfo/UTC", folder.file)
    if access("/usr/share/zoneinfo/UTC", R_OK) == 0 { #expect(["UTC", "Etc/UTC"].contains(name(folder.file))) }
    // A copy of a zone's file, without a name beside it.
    write("TZif2 east", to: copy)
    #expect(name(copy) == "Asia/Shanghai")
    #expect(
      SystemZone(tz: ":" + copy, localtime: "/nowhere", timezone: timezone, zoneFolder: database).name
        == "Asia/Shanghai")
    // The name beside it is another zone's: it is out of date.
    write("Europe/Berlin\n", to: timezone)
    #expect(name(copy) == "Asia/Shanghai")
    // The only information is the name of a zone that the database lacks.
    write("Asia/Urumqi\n", to: timezone)
    #expect(name(copy) == "Asia/Urumqi")
    // A zone that only this machine has is named by its offset.
    write("TZif2 mine", to: copy)
    write("Europe/Berlin\n", to: timezone)
    #expect(name(copy) == nil)
    write("/usr/share/zoneinfo/localtime\n", to: timezone)
    #expect(name(copy) == nil)
    // Without a zone's file the machine uses UTC.
    #expect(name("/nowhere") == "UTC")
  }

  @Test("a zone with a known offset and no name is named by the offset")
  func offsets() {
    #expect(SystemZone.name(ofOffsetSeconds: 28_800) == "+08:00")
    #expect(SystemZone.name(ofOffsetSeconds: -12_600) == "-03:30")
    #expect(SystemZone.name(ofOffsetSeconds: 0) == "+00:00")
  }
}
