extension SchemaVersion {
  /// Timelines with their epochs, and the table that readiness writes to.
  static let timelines = SchemaVersion(
    number: 43, name: "timelines", statements: EpochSchema.statements + ProbeSchema.statements)
}
