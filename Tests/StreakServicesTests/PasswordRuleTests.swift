import Glibc
import RPC
@testable import StreakServices
import Testing

struct PasswordRuleTests {
  private static func isRefused(_ password: String, _ breached: BreachedPasswords = BreachedPasswords()) -> Bool {
    do throws(RPCStatus) {
      try PasswordRules(breached: breached).check(
        NormalizedPassword(password), email: "mira.stone@example.org", path: "password")
      return false
    } catch {
      return error.code == .invalidArgument
    }
  }

  @Test(
    "common passwords are refused, in any letter case and with digits appended",
    arguments: [
      "password", "PassWord1", "password2026", "Password!", "12345678", "11111111", "abababab", "qwertyuiop",
      "Iloveyou99",
      "ｐａｓｓｗｏｒｄ", "pass\u{200B}word", "ｐａｓｓ", "①②③④⑤⑥⑦⑧", "mira.stone", "MIRA.stone@example.org", "letmein123",
    ])
  func common(password: String) {
    #expect(Self.isRefused(password))
  }

  @Test(
    "uncommon passwords are accepted",
    arguments: [
      "correct horse battery staple", "a long password", "passwordless-living", "mira.stone.read.books",
      "höchst-ungewöhnlich",
    ])
  func uncommon(password: String) {
    #expect(!Self.isRefused(password))
  }

  @Test("a file's passwords and hashes are refused, with counts and line ends of either kind")
  func file() throws {
    let path = "/tmp/streakd-breached-\(UInt64.random(in: 0...UInt64.max))"
    let lines = [
      "violet umbrella\r", "", String(repeating: "x", count: 2_000),
      // SHA-1 of "grey umbrella" and of "blue umbrella".
      "1dbf37fd14754902a984c489821fde282697db3b:12", "7ADA5E87D5138FB0DBEECABF9B1216A1E1A3792B",
    ]
    let file = try #require(fopen(path, "w"))
    fputs(lines.joined(separator: "\n"), file)
    fclose(file)
    defer { unlink(path) }
    let breached = try BreachedPasswords(file: path)
    #expect(breached.count == 3)
    #expect(Self.isRefused("violet umbrella", breached))
    for known in ["grey umbrella", "blue umbrella"] { #expect(Self.isRefused(known, breached)) }
    #expect(!Self.isRefused("Violet umbrella", breached))
    #expect(throws: BreachedPasswordsError.self) { try BreachedPasswords(file: "/nowhere/at/all") }
  }
}
