import Glibc
@testable import StreakClient
import Testing

@Suite("The name of the machine's zone (H11)")
struct SystemZoneTests {
  private let folder = TestFolder()

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
      (":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"), (":/etc/localtime", nil),
      ("CET-1CEST,M3.5.0,M10.5.0/3", nil),
      ("<+08>-8", nil), ("XYZ-8", nil),
    ])
  func environment(text: String, name: String?) {
    #expect(SystemZone(tz: text, localtime: "/nowhere", timezone: "/nowhere").name == name)
  }

  @Test("without TZ the link tells, else the file with the name, else nothing does")
  func files() {
    let (link, copy, timezone) = (folder.file, folder.file + "-wal", folder.file + "-shm")
    symlink("/usr/share/zoneinfo/UTC", link)
    write("Asia/Shanghai\n", to: timezone)
    let isThere = access("/usr/share/zoneinfo/UTC", R_OK) == 0
    let linked = SystemZone(tz: nil, localtime: link, timezone: "/nowhere").name
    #expect(isThere ? ["UTC", "Etc/UTC"].contains(linked) : linked == nil)
    // A copy of a zone's file, or a link to somewhere else.
    write("TZif2", to: copy)
    #expect(SystemZone(tz: nil, localtime: copy, timezone: timezone).name == "Asia/Shanghai")
    #expect(SystemZone(tz: nil, localtime: copy, timezone: "/nowhere").name == nil)
    write("/usr/share/zoneinfo/localtime\n", to: timezone)
    #expect(SystemZone(tz: nil, localtime: copy, timezone: timezone).name == nil)
  }

  @Test("a zone of which only the offset is known is called by it")
  func offsets() {
    #expect(SystemZone.name(ofOffsetSeconds: 28_800) == "+08:00")
    #expect(SystemZone.name(ofOffsetSeconds: -12_600) == "-03:30")
    #expect(SystemZone.name(ofOffsetSeconds: 0) == "+00:00")
  }
}
