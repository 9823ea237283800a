import RPC
import Schema
import StreakDomain
@testable import StreakServices
import Testing

@Suite("Audit events on the wire")
struct AuditEventTests {
  @Test("every status and reason that events store has its value, and other text none")
  func names() {
    for code in RPCStatusCode.allCases {
      #expect(CallStatus(named: code.name).schemaName == "CALL_STATUS_\(code.name)")
    }
    for reason in Reason.allCases { #expect(ErrorReason(named: reason.name).schemaName == reason.name) }
    #expect(CallStatus(named: "ok") == .unspecified && ErrorReason(named: "") == .unspecified)
  }

  @Test("every section of a document has its value")
  func sections() {
    for section in ExportDocument.Section.allCases {
      let name = DocumentSection(section).schemaName?.dropFirst("DOCUMENT_SECTION_".count).lowercased()
      #expect(name?.replacing("_", with: "") == section.rawValue.lowercased())
    }
  }
}
