import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import enum StreakDomain.OperationRejection
@testable import StreakServices
import Testing

struct RefusalTests {
  @Test(
    "refusals and rejections of operations are exactly the reasons of the schema, and refusals say so to the client")
  func reasons() throws {
    let named = (1...Int32(UInt8.max)).map { ErrorReason(rawValue: $0).description }.filter { Int32($0) == nil }
    let rejections = OperationRejection.allCases.map(\.rawValue)
    #expect(Set(named) == Set(Refusal.allCases.map(\.rawValue) + rejections))
    #expect(OperationRejection.allCases.allSatisfy { ErrorReason($0).description == $0.rawValue })
    for refusal in Refusal.allCases {
      let status = refusal.status
      #expect(status.code != .ok && !status.message.isEmpty)
      let info = try #require(status.details.first)
      #expect(try GoogleRPCErrorInfo(protobufBytes: info.value).reason == refusal.rawValue)
    }
  }

  @Test("an email is the same in any letter case, and needs a name, an at-sign and a domain")
  func emails() {
    #expect(EmailAddress(" Mira@Example.ORG ")?.key == "mira@example.org")
    #expect(EmailAddress(" Mira@Example.ORG ")?.text == "Mira@Example.ORG")
    for text in ["", "@", "a@", "@b", "a b@c", "a\u{0}@b", String(repeating: "a", count: 253) + "@b"] {
      #expect(EmailAddress(text) == nil)
    }
    #expect(EmailAddress(String(repeating: "a", count: 252) + "@b") != nil)
  }

  @Test("a page token is valid for one list and one filter only")
  func pageTokens() {
    let token = PageToken(number: -5, id: .random())
    let text = token.text(kind: .habits, filter: [1])
    #expect(PageToken(text, kind: .habits, filter: [1])?.number == -5)
    #expect(PageToken(text, kind: .history, filter: [1]) == nil)
    #expect(PageToken(text, kind: .habits, filter: [2]) == nil)
    #expect(PageToken("x", kind: .habits, filter: [1]) == nil)
  }
}
