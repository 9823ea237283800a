internal import GRPCSchema
internal import ProtobufCodec

/// A request message that was sent as JSON.
enum JSONRequest {
  /// The message as protobuf. Members that the schema does not have are dropped, as unknown fields
  /// of protobuf are.
  /// - Throws: INVALID_ARGUMENT naming the place.
  static func protobuf(
    _ bytes: ArraySlice<UInt8>, _ descriptor: MessageDescriptor, _ limits: DecodeLimits
  ) throws(RPCStatus) -> [UInt8] {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw refusal("document: it is not UTF-8") }
    do throws(JSONError) {
      return try descriptor.protobuf(
        fromJSON: text, ignoresUnknownFields: true, valuesMax: limits.elementsMax)
    } catch {
      throw refusal("\(error)")
    }
  }

  private static func refusal(_ reason: String) -> RPCStatus {
    RPCStatus(.invalidArgument, "The request is not the JSON of its message: \(reason).")
      .with(GoogleRPCErrorInfo(reason: "MALFORMED_REQUEST", domain: FieldRefusal.domain))
  }
}
