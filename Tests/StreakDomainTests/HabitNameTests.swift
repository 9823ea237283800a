@testable import StreakDomain
import Testing

@Suite("HabitName")
struct HabitNameTests {
  @Test("C28: case, white space and composed letters do not distinguish names; other words do")
  func normalised() {
    #expect(HabitName.normalised("  Café \t Noir ") == HabitName.normalised("cafe\u{301} noir"))
    #expect(HabitName.normalised("Run") != HabitName.normalised("Runs"))
  }

  @Test("a name has visible text, no control characters, and at most 256 bytes")
  func valid() {
    #expect(HabitName.isValid(String(repeating: "a", count: 256)))
    #expect(!HabitName.isValid(String(repeating: "a", count: 257)))
    #expect(!HabitName.isValid(" \u{2003}"))
    #expect(!HabitName.isValid("a\u{7}b"))
    #expect(HabitName.isValid("走る 🏃"))
  }

  @Test("letters that have no single lower case form fold alike")
  func folded() {
    #expect(HabitName.normalised("Straße") == HabitName.normalised("STRASSE"))
    #expect(HabitName.normalised("ΣΊΣΥΦΟΣ") == HabitName.normalised("σίσυφος"))
    #expect(HabitName.normalised("a\u{A0}\u{3000}b\n") == "a b")
  }

  @Test(
    "a name of invisible characters or with line breaks is refused", arguments: ["", "\u{200B}\u{200D}", "a\u{2028}b"])
  func invisible(name: String) {
    #expect(!HabitName.isValid(name))
  }
}
