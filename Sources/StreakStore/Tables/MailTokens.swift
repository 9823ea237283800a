internal import Postgres
internal import StreakDomain

/// The columns of `mail_tokens`.
enum MailTokenColumn: Int, TableColumn {
  case userID, tokenHash, purpose, email, emailKey, codeHash, expiresAt, wrongCodes

  /// The columns that are stored with a token; the last one from its lifetime.
  static let inserted: [MailTokenColumn] = allCases.filter { $0 != .wrongCodes }
  /// What a consumed token was about.
  static let consumed = Selection([MailTokenColumn.email, .emailKey])

  /// Inserts a token of a person that is not erased, or of no account.
  static let insert = Statement(
    .write,
    """
    INSERT INTO mail_tokens (\(inserted.list()))
    SELECT \(inserted.dropLast().parameters()), now() + make_interval(secs => $\(inserted.count)::integer)
    WHERE $1 = '00000000-0000-0000-0000-000000000000' OR EXISTS (SELECT FROM heads WHERE user_id = $1)
    """)

  /// The value to insert; of `expiresAt` the seconds until then.
  func value(_ token: NewMailToken, of userID: Identifier) -> PostgresValue {
    switch self {
    case .userID: .identifier(userID)
    case .tokenHash: .bytes(token.hash)
    case .purpose: .int32(token.purpose.rawValue)
    case .email: .string(token.email)
    case .emailKey: .string(token.emailKey)
    case .codeHash: .bytes(token.codeHash)
    case .expiresAt: .int32(token.lifetimeSeconds)
    case .wrongCodes: .int32(0)
    }
  }
}

/// What a consumed token was about.
struct ConsumedToken {
  var email: String
  var emailKey: String
}

extension Row {
  /// Decodes `MailTokenColumn.consumed`.
  func consumedToken(_ at: Selection<MailTokenColumn>) throws(DatabaseError) -> ConsumedToken {
    ConsumedToken(email: try string(at[.email]), emailKey: try string(at[.emailKey]))
  }
}
