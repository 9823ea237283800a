/// The version of this package's programs: they are built and released together.
public enum ProgramVersion {
  public static let number = "0.1.0-dev"

  /// What `--version` prints.
  public static func text(of program: String) -> String { "\(program) \(number)" }
}
