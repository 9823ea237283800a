/// The columns of `server_probes`.
enum ServerProbeColumn: Int, TableColumn {
  case server, probedAt, watches, padding

  /// The columns of every probe.
  static let probe: [ServerProbeColumn] = [.server, .probedAt, .watches]
  /// The columns of a probe that takes disk space.
  static let room: [ServerProbeColumn] = [.server, .probedAt, .padding]
}
