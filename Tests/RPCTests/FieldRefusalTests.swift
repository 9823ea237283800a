import GRPCSchema
import ProtobufCodec
import Testing

@testable import RPC

/// What a client is told of field rules that its request breaks.
@Suite
struct FieldRefusalTests {
  @Test(
    "a hundred broken rules with long paths are still told with reason and fields, as many as fit into the trailers")
  func manyViolationsFit() throws {
    var violations = FieldViolations()
    for _ in 0..<FieldViolations.countMax {
      violations.check(
        "a_field_with_a_name_of_some_length_as_nested_messages_have_them", byteCount: 0, FieldRules(required: true))
    }

    let refusal = FieldRefusal.status(for: violations.all)

    let fitted = try #require(FittedStatus(refusal, bytesMax: StatusTrailers.listBytesMax - 200))
    #expect(!fitted.isReduced)
    #expect(refusal.detail(GoogleRPCErrorInfo.self)?.reason == "INVALID_FIELD")
    let told = refusal.detail(GoogleRPCBadRequest.self)?.fieldViolations.count ?? 0
    #expect((30..<FieldViolations.countMax).contains(told))
    #expect(refusal.message.contains("100 rule(s)"))
  }
}
