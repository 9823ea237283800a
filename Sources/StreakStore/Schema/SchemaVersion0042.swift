extension SchemaVersion {
  /// The digest of a habit's cells is added up when the habit is deleted or brought back, instead of being written with every change of a cell.
  static let noCellsDigest = SchemaVersion(
    number: 42, name: "no cells digest",
    statements: ["ALTER TABLE habits DROP COLUMN cells_digest"])
}
