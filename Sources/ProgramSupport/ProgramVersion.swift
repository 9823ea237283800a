/// The version of all of this package's programs, which are released together.
public enum ProgramVersion {
  public static let number = "0.1.0-dev"

  /// The output of `--version`.
  public static func text(of program: String) -> String { "\(program) \(number)" }
}
