import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import SchemaConversion
@testable import StreakDomain
@testable import StreakServices
import StreakStore
import Testing

struct RefusalTests {
  @Test("the reasons are exactly those of the schema, by number and name, without gaps")
  func reasons() {
    let named = (1...Int32(UInt8.max)).map { ErrorReason(rawValue: $0) }.compactMap(\.schemaName)
    #expect(named == Reason.allCases.map(\.name))
    #expect(Reason.allCases.map(\.rawValue) == Array(1...Int32(named.count)))
    #expect(Reason.allCases.allSatisfy { Reason(ErrorReason($0)) == $0 && Reason(name: $0.name) == $0 })
    #expect(Reason(ErrorReason.unspecified) == nil && Reason(name: "SOME_OTHER") == nil)
  }

  @Test("every reason has a status that names it to the client")
  func statuses() throws {
    for reason in Reason.allCases {
      let status = reason.status
      #expect(status.code != .ok && !status.message.isEmpty)
      let info = try #require(status.details.first)
      #expect(try GoogleRPCErrorInfo(protobufBytes: info.value).reason == reason.name)
    }
  }

  @Test("quarantine reasons and migration rules have the schema's numbers and names")
  func otherReasons() {
    for reason in StreakDomain.QuarantineReason.allCases {
      #expect(Schema.QuarantineReason(.quarantined(reason)).schemaName == "QUARANTINE_REASON_" + reason.name)
    }
    #expect(Schema.QuarantineReason(.counted) == .unspecified)
    for rule in StreakDomain.MigrationRule.allCases {
      #expect(Schema.MigrationRule(rawValue: rule.rawValue).schemaName == "MIGRATION_RULE_" + rule.name)
    }
  }

  @Test("all other numbers that the domain, tables and the schema share have one name")
  func sharedNumbers() {
    func compare<Case: CaseIterable & RawRepresentable, Number: BinaryInteger>(
      _ cases: Case.Type, _ prefix: String, _ name: (Int32) -> String?
    ) where Case.RawValue == Number {
      for one in cases.allCases { #expect(name(Int32(one.rawValue)) == prefix + schemaName(of: one)) }
    }
    compare(HabitMatching.Way.self, "HABIT_MATCH_") { HabitMatch(rawValue: $0).schemaName }
    compare(StreakDomain.Notice.Kind.self, "NOTICE_KIND_") { NoticeKind(rawValue: $0).schemaName }
    compare(StreakDomain.HabitField.self, "HABIT_FIELD_") { Schema.HabitField(rawValue: $0).schemaName }
    compare(StreakDomain.OperationOutcome.Status.self, "OPERATION_STATUS_") {
      OperationStatus(rawValue: $0).schemaName
    }
    compare(RecoveryStage.self, "RECOVERY_STATE_") { RecoveryState(rawValue: $0).schemaName }
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
