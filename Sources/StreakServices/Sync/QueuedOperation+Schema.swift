internal import Cryptography
internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension QueuedOperation {
  /// An operation as sent. An invalid one becomes `.malformed`: the ledger rejects it, so that it
  /// does not block the queue.
  convenience init(_ message: Schema.Operation) {
    let payload = message.protobufBytes()
    self.init(
      operation: StreakDomain.Operation(checking: message), payload: payload,
      payloadHash: SHA256.leadingBytes(of: payload))
  }
}
