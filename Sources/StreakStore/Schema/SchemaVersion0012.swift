extension SchemaVersion {
  /// What tells a person's own devices and places from a stranger's, when passwords are guessed.
  static let knownDevices = SchemaVersion(
    number: 12, name: "known devices",
    statements: [
      """
      ALTER TABLE devices
        -- Of the address that the device signed in from last, together with the person's id.
        ADD COLUMN address_hash bytea,
        -- The person took the device's trust away; it has it again with its next sign-in.
        ADD COLUMN revoked_at timestamptz
      """
    ])
}
