/// The version of all of this package's programs, which are released together.
package enum ProgramVersion {
  package static let number = "0.1.0-dev"

  /// The output of `--version`.
  package static func text(of program: String) -> String { "\(program) \(number)" }
}
