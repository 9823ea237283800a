import GRPCSchema
import ProtobufCodec
import Testing

@testable import RPC

/// The refusal of a request that breaks field rules.
@Suite
struct FieldRefusalTests {
  @Test(
    "a refusal of a hundred broken rules with long paths has its reason, and as many fields as fit into the trailers")
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
