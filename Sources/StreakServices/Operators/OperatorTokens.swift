internal import Cryptography
internal import RPC
internal import enum StreakDomain.Reason

/// What an operator may do.
package enum OperatorRight: String, CaseIterable, Sendable {
  /// Make, list and verify backups, and fulfil recoveries.
  case backups
  /// Find accounts.
  case find
  /// Lock and unlock accounts, and sign them out.
  case lock
  /// Mail people a link to a new password.
  case reset
  /// Export accounts.
  case export
  /// Erase accounts.
  case erase

  /// The right that an operators' method needs; nil: any operator may call it.
  static func needed(by method: MethodDescriptor) -> OperatorRight? {
    switch method.name {
    case "FindAccount": .find
    case "LockAccount", "UnlockAccount", "SignOutAccount": .lock
    case "StartPasswordReset": .reset
    case "ExportAccount": .export
    case "EraseAccount": .erase
    case "GetServerStatus": nil
    default: .backups
    }
  }
}

/// The operator that a call is made by.
struct Operator: Sendable, Equatable {
  /// In audit events.
  let name: String
  let rights: Set<OperatorRight>
}

/// The operators' tokens, as their hashes.
package struct OperatorTokens: Sendable {
  /// Most operators.
  package static let countMax = 64
  /// The least length of a token that cannot be guessed, in bytes.
  package static let tokenBytesMin = 32
  /// Most bytes of an operator's name.
  package static let nameBytesMax = 32

  private let entries: [(holder: Operator, hash: [UInt8])]

  /// Why a text holds no operators; a sentence's end.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  /// Reads the text of a file: on each line either a token, whose holder has every right, or a
  /// name, rights separated by commas, and a token. Lines that begin with # are comments.
  package init(_ text: String) throws(Problem) {
    var entries: [(holder: Operator, hash: [UInt8])] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      let found: Operator
      switch words.count {
      case 1: found = Operator(name: "operator", rights: Set(OperatorRight.allCases))
      case 3:
        guard first.utf8.count <= Self.nameBytesMax, first.utf8.allSatisfy(Self.isNameByte) else {
          throw Problem(
            description: "has a name that is not 1 to \(Self.nameBytesMax) letters, digits, dots or hyphens")
        }
        found = Operator(name: String(first), rights: try Self.rights(words[1]))
      default: throw Problem(description: "must have a token, or a name, rights and a token, on each line")
      }
      let token = words[words.count - 1]
      guard token.utf8.count >= Self.tokenBytesMin else { throw Self.noToken }
      entries.append((found, SHA256.digest(of: Array(token.utf8))))
    }
    guard !entries.isEmpty else { throw Self.noToken }
    guard entries.count <= Self.countMax else { throw Problem(description: "has more than \(Self.countMax) operators") }
    guard Set(entries.map(\.holder.name)).count == entries.count, Set(entries.map(\.hash)).count == entries.count else {
      throw Problem(description: "has a name or a token twice")
    }
    self.entries = entries
  }

  private static let noToken = Problem(
    description: "must hold a token of \(tokenBytesMin) bytes or more, such as openssl rand -hex 32 makes")

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func rights(_ text: Substring) throws(Problem) -> Set<OperatorRight> {
    var rights: Set<OperatorRight> = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let right = OperatorRight(rawValue: String(word)) else {
        throw Problem(
          description: "has a right that is none of \(OperatorRight.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      rights.insert(right)
    }
    return rights
  }

  /// The holder of a token; takes the same time for any.
  func holder(of presented: ArraySlice<UInt8>) -> Operator? {
    let hash = SHA256.digest(of: Array(presented))
    var holder: Operator?
    for entry in entries where equalInConstantTime(entry.hash, hash) { holder = entry.holder }
    return holder
  }
}

extension ServerContext {
  /// The operator of the call. The authenticator has found it before a handler of such a method
  /// runs.
  func caller() throws(RPCStatus) -> Operator {
    guard let caller = operatorCaller else { throw Reason.credentialsInvalid.status }
    return caller
  }
}
