import Testing

@testable import StreakHarness

@Suite
struct ReportTests {
  @Test("a server's reply cannot break the report's XML")
  func escaping() {
    #expect(Report.escaped("<a b=\"c\">&\u{1}") == "&lt;a b=&quot;c&quot;&gt;&amp;?")
  }

  @Test("a scenario's JSON ends where its brackets are closed, and an error in a file has its line")
  func scenarioFiles() throws {
    let file = try ScenarioFile(
      "# words\nscenario X1 a {title}\n  call A/B {\n    \"x\": \"}\"}\n  save it items[0].id\n")
    let scenario = try #require(file.scenarios.first)
    #expect(scenario.title == "a {title}" && scenario.steps.map(\.verb) == ["call", "save"])
    #expect(scenario.steps.last?.words == ["it", "items[0].id"])
    for text in ["person a\n", "scenario\n", "scenario X\n call A/B {\n", "scenario X\n call A/B {]}\n"] {
      #expect(throws: ScenarioError.self) { try ScenarioFile(text) }
    }
  }
}
