internal import ProtobufCodec

/// A request message that was sent as JSON.
enum JSONRequest {
  /// The message as protobuf. Members that the schema does not have are dropped, as unknown fields
  /// of protobuf are.
  /// - Throws: INVALID_ARGUMENT naming the place.
  static func protobuf(
    _ bytes: RawSpan, _ descriptor: MessageDescriptor, _ limits: DecodeLimits, types: MessageTypes
  ) throws(RPCStatus) -> [UInt8] {
    do throws(JSONError) {
      return try descriptor.protobuf(
        fromJSON: bytes, ignoresUnknownFields: true, valuesMax: limits.elementsMax, types: types)
    } catch {
      throw refusal("\(error)")
    }
  }

  private static func refusal(_ reason: String) -> RPCStatus {
    RuntimeReason.malformedRequest.status(
      .invalidArgument, "The request is not the JSON of its message: \(reason).")
  }
}
