import ProgramSupport
import Testing

@Suite("A settings file") struct SettingsFileTests {
  @Test("any ends of lines and a byte order mark are read alike", arguments: ["\n", "\r\n", "\r"])
  func lineEnds(end: String) throws {
    let text =
      "\u{FEFF}" + ["# mine", "listen = a # here", "", "backup-folder = '/b # c'"].joined(separator: end) + end
    let file = try SettingsFile(text, path: "f", names: ["listen", "backup-folder"])
    #expect(file["listen"] == "a" && file["backup-folder"] == "/b # c")
    #expect(throws: (any Error).self) { try SettingsFile("listen = a\(end)other = b", path: "f", names: ["listen"]) }
  }
}
