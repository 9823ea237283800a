internal import ProtobufCodec

/// One difference between the server and the schema, with everything needed to reproduce it.
package struct Failure: Sendable {
  /// For example `StreakService/PutHabit`.
  package let method: String
  /// For example `rule max_bytes of habit.name`.
  package let check: String
  package let expected: String
  package let actual: String
  /// The smallest request with the failure, as JSON; or its bytes if it is not a message.
  package let request: String
  /// The caller whose credentials it had.
  package let credentials: String
  /// The command that repeats the check.
  package let replay: String
}

/// The checks of one method or one scenario.
package struct Suite: Sendable {
  package let name: String
  /// The names of the successful checks.
  package internal(set) var passed: [String] = []
  package internal(set) var failures: [Failure] = []
  /// Why checks were skipped; empty if none was.
  package internal(set) var skipped = ""
  package internal(set) var seconds = 0.0

  package var checks: Int { passed.count + failures.count }

  init(name: String) { self.name = name }
}

/// The results of a run.
package struct Report: Sendable {
  package let seed: UInt64
  package let address: String
  package internal(set) var suites: [Suite] = []

  /// Adds the results of another run.
  package mutating func add(_ other: Report) { suites += other.suites }

  package var failures: [Failure] { suites.flatMap(\.failures) }
  package var checks: Int { suites.reduce(0) { $0 + $1.checks } }
  package var isGood: Bool { failures.isEmpty && checks > 0 }

  /// The text report.
  package var text: String {
    var lines: [String] = []
    for suite in suites {
      let state = !suite.failures.isEmpty ? "FAIL" : suite.checks == 0 ? "skip" : "ok  "
      lines.append(
        "\(state)  \(suite.name)  \(suite.checks) checks"
          + (suite.skipped.isEmpty ? "" : "; not tried: \(suite.skipped)"))
      for failure in suite.failures {
        lines.append("      \(failure.check)")
        lines.append("        expected  \(failure.expected)")
        lines.append("        got       \(failure.actual)")
        lines.append("        request   \(failure.request)")
        lines.append("        as        \(failure.credentials)")
        lines.append("        again     \(failure.replay)")
      }
    }
    lines.append("\(checks) checks, \(failures.count) failed (seed \(seed), \(address))")
    return lines.joined(separator: "\n")
  }

  /// The JSON report.
  package var json: String {
    JSONValue.object([
      ("seed", .string("\(seed)")), ("address", .string(address)), ("checks", .number("\(checks)")),
      ("failed", .number("\(failures.count)")),
      (
        "suites",
        .array(
          suites.map { suite in
            .object([
              ("name", .string(suite.name)), ("checks", .number("\(suite.checks)")),
              ("seconds", .number(Self.text(suite.seconds))), ("notTried", .string(suite.skipped)),
              (
                "failures",
                .array(
                  suite.failures.map { failure in
                    .object([
                      ("check", .string(failure.check)), ("expected", .string(failure.expected)),
                      ("actual", .string(failure.actual)), ("request", .string(failure.request)),
                      ("credentials", .string(failure.credentials)), ("replay", .string(failure.replay)),
                    ])
                  })
              ),
            ])
          })
      ),
    ]).text + "\n"
  }

  /// JUnit's XML, for build servers: a test case for each check.
  package var junit: String {
    var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
    lines.append("<testsuites name=\"streak-harness\" tests=\"\(checks)\" failures=\"\(failures.count)\">")
    for suite in suites {
      lines.append(
        "  <testsuite name=\"\(Self.escaped(suite.name))\" tests=\"\(suite.checks)\" failures=\"\(suite.failures.count)\" "
          + "time=\"\(Self.text(suite.seconds))\">")
      for failure in suite.failures {
        lines.append("    <testcase classname=\"\(Self.escaped(suite.name))\" name=\"\(Self.escaped(failure.check))\">")
        lines.append(
          "      <failure message=\"\(Self.escaped("expected \(failure.expected), got \(failure.actual)"))\">")
        lines.append(Self.escaped("request: \(failure.request)\nas: \(failure.credentials)\nagain: \(failure.replay)"))
        lines.append("      </failure>")
        lines.append("    </testcase>")
      }
      for check in suite.passed {
        lines.append("    <testcase classname=\"\(Self.escaped(suite.name))\" name=\"\(Self.escaped(check))\"/>")
      }
      lines.append("  </testsuite>")
    }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Three decimals.
  private static func text(_ seconds: Double) -> String { "\((seconds * 1000).rounded() / 1000)" }

  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n": result += "\n"
      default: if scalar.value >= 0x20 { result.unicodeScalars.append(scalar) } else { result += "?" }
      }
    }
    return result
  }
}
