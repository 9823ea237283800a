internal import GRPCSchema

extension RPCStatus {
  /// Seconds after which a peer may find room.
  static let noRoomRetrySeconds: Int64 = 1

  /// The server holds as much for its peers as it may.
  static let noRoom = RPCStatus(.resourceExhausted, "The server has no room for the call's messages now.")
    .with(GoogleRPCErrorInfo(reason: "NO_ROOM", domain: FieldRefusal.domain))
    .with(GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: noRoomRetrySeconds)))
}
