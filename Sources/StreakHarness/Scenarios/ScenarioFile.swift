internal import ProtobufCodec

/// Why a scenario file cannot be read.
struct ScenarioError: Error, CustomStringConvertible {
  let line: Int
  let reason: String
  var description: String { "line \(line): \(reason)" }
}

/// A file of scenarios. Format: Tests/Scenarios/README.md.
struct ScenarioFile {
  struct Step {
    /// From 1.
    let line: Int
    /// For example `call`.
    let verb: String
    /// The words after the verb, before the JSON.
    let words: [String]
    let json: JSONValue?
  }

  struct Scenario {
    /// For example `C61`.
    let name: String
    let title: String
    var steps: [Step] = []
  }

  let scenarios: [Scenario]

  init(_ text: String) throws {
    var scenarios: [Scenario] = []
    var pending = ""
    var start = 0
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = raw.drop { $0 == " " }
      if pending.isEmpty {
        guard !line.isEmpty, !line.hasPrefix("#") else { continue }
        start = index + 1
      }
      pending += (pending.isEmpty ? "" : " ") + line
      guard Self.isClosed(pending) else { continue }
      let step = try Self.step(pending, start)
      pending = ""
      if step.verb == "scenario" {
        guard let name = step.words.first else { throw ScenarioError(line: start, reason: "a scenario needs a name") }
        scenarios.append(Scenario(name: name, title: step.words.dropFirst().joined(separator: " ")))
      } else if scenarios.isEmpty {
        throw ScenarioError(line: start, reason: "a step before the first scenario")
      } else {
        scenarios[scenarios.count - 1].steps.append(step)
      }
    }
    guard pending.isEmpty else { throw ScenarioError(line: start, reason: "a bracket that is not closed") }
    self.scenarios = scenarios
  }

  private static func step(_ text: String, _ line: Int) throws -> Step {
    var head = text[...]
    var json: JSONValue?
    // A bracket inside a word, as in `notices[0]`, does not begin JSON.
    let isBeginning = { (index: String.Index) in
      "{[".contains(text[index]) && index > text.startIndex && text[text.index(before: index)] == " "
    }
    if !text.hasPrefix("scenario"), let begin = text.indices.first(where: isBeginning) {
      head = text[..<begin]
      do throws(JSONError) { json = try JSONValue(parsing: String(text[begin...])) } catch {
        throw ScenarioError(line: line, reason: "\(error)")
      }
    }
    let words = head.split(separator: " ").map(String.init)
    return Step(line: line, verb: words.first ?? "", words: Array(words.dropFirst()), json: json)
  }

  /// Whether all brackets outside of strings are closed.
  private static func isClosed(_ text: String) -> Bool {
    var (depth, isInString, isEscaped) = (0, false, false)
    for character in text {
      if isEscaped {
        isEscaped = false
      } else if isInString {
        if character == "\\" { isEscaped = true } else if character == "\"" { isInString = false }
      } else if character == "\"" {
        isInString = depth > 0
      } else if "{[".contains(character) {
        depth += 1
      } else if "}]".contains(character) {
        depth -= 1
      }
    }
    return depth <= 0
  }
}
