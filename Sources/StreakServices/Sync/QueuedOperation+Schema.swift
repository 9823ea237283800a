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
    var operation = StreakDomain.Operation(message)
    if !message.fieldViolations().isEmpty { operation.change = .malformed }
    self.init(operation: operation, payload: payload, payloadHash: SHA256.leadingBytes(of: payload))
  }
}
