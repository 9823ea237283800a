import Mail
import StreakStore
@testable import StreakServices
import Testing

struct MailTemplateTests {
  private static let all = MailKind.allCases.flatMap { kind in MailTemplate.languages.map { (kind, $0) } }

  private static func values() -> MailValues {
    var values = MailValues()
    for name in MailValues.Name.allCases { values[name] = "<\(name.rawValue) & 'more'>" }
    return values
  }

  @Test("every template has a subject without values, a text and HTML, and no name is left unfilled", arguments: all)
  func complete(kind: MailKind, language: String) {
    let template = MailTemplate(kind, language: language)
    let (text, html) = template.filled(Self.values())
    #expect(!template.subject.isEmpty && !template.subject.contains("{") && template.subject.utf8.count < 60)
    for content in [text, html] { #expect(!content.contains("{body}") && !content.contains("{language}")) }
    for name in MailValues.Name.allCases {
      #expect(!text.contains("{\(name.rawValue)}") && !html.contains("{\(name.rawValue)}"))
    }
    #expect(text.contains("<service & 'more'>") && html.contains("&lt;service &amp; &#39;more&#39;&gt;"))
    #expect(html.contains("lang=\"\(language)\"") && !html.contains("<service"))
  }

  @Test("text and HTML of a mail, and both languages, show the same values", arguments: MailKind.allCases)
  func sameValues(kind: MailKind) {
    var shown: [Set<MailValues.Name>] = []
    for language in MailTemplate.languages {
      let (text, html) = MailTemplate(kind, language: language).filled(Self.values())
      for content in [text, html] {
        shown.append(Set(MailValues.Name.allCases.filter { content.contains("\($0.rawValue) &") }))
      }
    }
    #expect(Set(shown).count == 1)
  }

  @Test(
    "a language is chosen by its primary subtag",
    arguments: [
      ("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("den", "en"), ("fr", "en"), ("", "en"), ("en-GB", "en"),
    ])
  func languages(tag: String, language: String) { #expect(MailTemplate.language(of: tag) == language) }

  @Test("values keep their text but for what ends a line, and at most 512 characters")
  func values() {
    var values = MailValues()
    values[.device] = "a=b\r\nlink=https://evil.example\u{2028}c"
    values[.code] = String(repeating: "1", count: MailValues.charactersMax + 1)
    let read = MailValues(bytes: values.bytes)
    #expect(read == values && read[.link] == nil)
    #expect(read[.device] == "a=b  link=https://evil.example c")
    #expect(read[.code]?.count == MailValues.charactersMax)
  }

  @Test("a value is not searched for further names")
  func notTwice() {
    var values = MailValues()
    values[.device] = "{link}"
    values[.link] = "secret"
    #expect(!MailTemplate(.newDevice, language: "en").filled(values).text.contains("secret"))
  }

  @Test("a code is eight digits, however they are grouped")
  func codes() {
    #expect(MailOrders.code("1234 5678") == "12345678" && MailOrders.code("1234-5678") == "12345678")
    for text in ["1234567", "123456789", "1234567a", "", "١٢٣٤٥٦٧٨"] { #expect(MailOrders.code(text) == nil) }
  }

  @Test("attempts are repeated after 30 seconds, then later and later, up to 30 minutes")
  func delays() {
    for (attempts, seconds) in [(Int32(1), 30), (2, 60), (3, 120), (7, 1_800), (100, 1_800), (.max, 1_800)] {
      for _ in 0..<50 { #expect((seconds...seconds * 5 / 4).contains(Int(MailWorker.retryDelay(attempts: attempts)))) }
    }
  }

  @Test("links lead to an address of the web, without a fragment and of at most 512 bytes")
  func linkBases() throws {
    let sender = try #require(Mailbox("a@b.c"))
    let prefix = "https://app.example.com/"
    let longest = prefix + String(repeating: "a", count: MailSettings.linkBaseBytesMax - prefix.utf8.count)
    for base in ["https://app.example.com", "https://app.example.com/a?b=c", "http://localhost:8080/", longest] {
      #expect(MailSettings(sender: sender, linkBase: base) != nil, "\(base)")
    }
    for base in [
      "", "app.example.com", "http://app.example.com", "https://a#b", "https://a b", "https://a\"b", "https://a\n",
      longest + "a",
    ] { #expect(MailSettings(sender: sender, linkBase: base) == nil, "\(base)") }
  }
}
