import RPC
import Schema
@testable import StreakServices
import Testing

struct OperatorTokenTests {
  private let token = String(repeating: "a", count: 32)
  private let other = String(repeating: "b", count: 40)

  @Test("a single token has every right; a named one has those of its line")
  func rights() throws {
    let tokens = try OperatorTokens("# operators\n\n\(token)\nmira.k find,lock  \(other)\n")
    #expect(tokens.holder(of: Array(token.utf8)[...])?.rights == Set(OperatorRight.allCases))
    let mira = try #require(tokens.holder(of: Array(other.utf8)[...]))
    #expect(mira == Operator(name: "mira.k", rights: [.find, .lock]))
    #expect(tokens.holder(of: Array(token.utf8.dropLast())[...]) == nil)
  }

  @Test("a text that holds no operators is refused")
  func refused() {
    let lines = [
      "", "# nothing", String(token.dropLast()), "mira \(token)", "mira find \(token) more", "mira everything \(token)",
      "mira find, \(token)", "mi/ra find \(token)", String(repeating: "n", count: 33) + " find \(token)",
      "\(token)\n\(token)", "mira find \(token)\nmira lock \(other)", "mira find \(token)\nnoa lock \(token)",
      (0...OperatorTokens.countMax).map { "n\($0) find \(token)\($0)" }.joined(separator: "\n"),
    ]
    for text in lines { #expect(throws: OperatorTokens.Problem.self, "\(text)") { _ = try OperatorTokens(text) } }
  }

  @Test("the longest name and the most operators are accepted")
  func limits() throws {
    let name = String(repeating: "n", count: 32)
    #expect(try OperatorTokens("\(name) find \(token)").holder(of: Array(token.utf8)[...])?.name == name)
    let lines = (1...OperatorTokens.countMax).map { "n\($0) find \(token)\($0)" }.joined(separator: "\n")
    #expect(try OperatorTokens(lines).holder(of: Array("\(token)64".utf8)[...])?.name == "n64")
  }

  @Test("every method about accounts needs a right of its own, and no other one is for everybody but the status")
  func needed() {
    let methods = SchemaCatalog.methods.filter { $0.policy.authentication == .admin }
    let accounts = methods.filter { $0.service.hasSuffix("AccountAdminService") }
    #expect(accounts.count == 7)
    #expect(accounts.allSatisfy { ![nil, .backups].contains(OperatorRight.needed(by: $0)) })
    #expect(methods.filter { OperatorRight.needed(by: $0) == nil }.map(\.name) == ["GetServerStatus"])
  }
}
