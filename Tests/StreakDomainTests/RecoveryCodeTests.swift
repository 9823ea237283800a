import StreakDomain
import Testing

struct RecoveryCodeTests {
  @Test("a code has two groups of five without letters that look like digits, and is read back as people type it")
  func texts() throws {
    var generator = SystemRandomNumberGenerator()
    var seen: Set<String> = []
    for _ in 0..<1_000 {
      let code = RecoveryCode(bits: generator.next())
      let text = code.text
      #expect(text.utf8.count == 11 && text.dropFirst(5).first == "-")
      #expect(!text.contains { "ILOU".contains($0) } && text == text.uppercased())
      #expect(RecoveryCode(text) == code)
      #expect(RecoveryCode(text.lowercased().replacing("-", with: " ")) == code)
      #expect(RecoveryCode(text.replacing("0", with: "o").replacing("1", with: "l")) == code)
      seen.insert(text)
    }
    #expect(seen.count == 1_000)
  }

  @Test(
    "another text is no code",
    arguments: [
      "", "AAAAA-AAAA", "AAAAA-AAAAAA", "AAAAA-AAAAU", "AAAAA_AAAAA", "ÄAAAA-AAAA", "AAAAA-AAAA\u{0}",
      String(repeating: "-", count: 55) + "AAAAAAAAAA",
    ])
  func refused(text: String) { #expect(RecoveryCode(text) == nil) }

  @Test("the longest text of a code is read")
  func longest() { #expect(RecoveryCode(String(repeating: " ", count: 54) + "AAAAAAAAAA") != nil) }

  @Test("no description or reflection shows a code")
  func hides() {
    var generator = SystemRandomNumberGenerator()
    let code = RecoveryCode(bits: generator.next())
    var text = "\(code)"
    dump(code, to: &text)
    #expect(!text.contains(code.text.prefix(5)) && text.contains("secret"))
  }
}
