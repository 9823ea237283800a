internal import Cryptography
internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension QueuedOperation {
  /// An operation as sent. What it cannot be becomes `.malformed`: that is for the ledger to
  /// reject, so that it blocks nothing.
  convenience init(_ message: Schema.Operation) {
    let payload = message.protobufBytes()
    self.init(
      operation: StreakDomain.Operation(checking: message), payload: payload,
      payloadHash: SHA256.leadingBytes(of: payload))
  }
}
