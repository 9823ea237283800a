import SplitMix
import TextNormalization
import Testing

@Suite("Unicode's normalization form KC")
struct CompatibilityCompositionTests {
  /// Source of the pairs: Unicode's NormalizationTest.txt, columns 1 and 4.
  @Test(
    "each text becomes its compatibility composition",
    arguments: [
      ("", ""), ("plain ASCII", "plain ASCII"), ("ｐａｓｓｗｏｒｄ", "password"), ("\u{1E9B}\u{0323}", "\u{1E69}"),
      ("e\u{301}", "\u{E9}"), ("\u{212B}", "\u{C5}"), ("\u{FB01}ne", "fine"), ("\u{2460}", "1"), ("\u{3000}", " "),
      ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"), ("\u{FF76}\u{FF9E}", "\u{30AC}"), ("\u{0}a", "\u{0}a"),
      ("\u{D7FB}", "\u{D7FB}"),
    ])
  func pairs(text: String, composed: String) {
    #expect(text.compatibilityComposed == Array(composed.utf8))
  }

  @Test("the form of a form is itself, also of any random text", arguments: UInt64(0)..<64)
  func idempotent(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var scalars = String.UnicodeScalarView()
    while scalars.count < 64 {
      if let scalar = Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &random)) { scalars.append(scalar) }
    }
    let composed = try #require(String(scalars).compatibilityComposed)
    #expect(String(decoding: composed, as: UTF8.self).compatibilityComposed == composed)
  }
}
