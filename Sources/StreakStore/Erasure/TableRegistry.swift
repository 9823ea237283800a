/// Every table of the service, and the treatment of its rows when a user's data is exported, erased
/// or merged.
///
/// A test compares this list with the database's catalog: it fails for a table that is missing
/// here, and for a column with a user's name pattern that is missing here.
public enum TableRegistry {
  /// A table with rows of users.
  public struct PersonalTable: Sendable {
    public let name: String
    /// The column with the row's user.
    public let userColumn: String
    /// The section of an export that contains its rows, or why none does.
    public let export: Export
    /// The treatment of its rows when a user's data is merged from a session or a backup.
    public let merge: Merge
  }

  public enum Export: Sendable, Equatable {
    case section(String)
    /// Another section contains its information; the reason.
    case covered(String)
  }

  public enum Merge: Sendable, Equatable {
    /// As operations, like a device's own.
    case asOperations
    /// The account's rows stay; the reason.
    case kept(String)
  }

  /// In the order in which an erasure removes rows: `heads` first, whose lock prevents other calls
  /// from adding more.
  public static let personal: [PersonalTable] = [
    PersonalTable(
      name: "heads", userColumn: "user_id",
      export: .covered("it follows from the ledger, and its settings are in the account"),
      merge: .asOperations),
    PersonalTable(
      name: "users", userColumn: "user_id", export: .section("account"), merge: .kept("the account is its own")),
    PersonalTable(
      name: "emails", userColumn: "user_id", export: .covered("the account names its email"),
      merge: .kept("the account is its own")),
    PersonalTable(
      name: "devices", userColumn: "user_id", export: .section("devices"),
      merge: .kept("credentials never come from elsewhere")),
    PersonalTable(
      name: "recovery_codes", userColumn: "user_id",
      export: .covered("codes are credentials, and the account says how many are left"),
      merge: .kept("credentials never come from elsewhere")),
    PersonalTable(
      name: "sign_in_approvals", userColumn: "user_id",
      export: .covered("requests of minutes; the audit names them"),
      merge: .kept("credentials never come from elsewhere")),
    PersonalTable(
      name: "sessions", userColumn: "claimed_by", export: .covered("migrations name their sessions"),
      merge: .kept("a session is claimed once")),
    PersonalTable(name: "habits", userColumn: "user_id", export: .section("habits"), merge: .asOperations),
    PersonalTable(name: "cells", userColumn: "user_id", export: .section("ledger"), merge: .asOperations),
    PersonalTable(
      name: "cell_history", userColumn: "user_id", export: .section("history"),
      merge: .kept("merging writes a history of its own")),
    PersonalTable(
      name: "rejected_entries", userColumn: "user_id", export: .section("rejectedEntries"),
      merge: .kept("what was refused stays refused")),
    PersonalTable(
      name: "migrations", userColumn: "user_id", export: .section("migrations"),
      merge: .kept("merging is a migration of its own")),
    PersonalTable(
      name: "operations", userColumn: "user_id", export: .covered("what they did is in the ledger and the history"),
      merge: .kept("a device's own numbers")),
    PersonalTable(
      name: "rejected_operations", userColumn: "user_id", export: .section("rejectedOperations"),
      merge: .kept("what was refused stays refused")),
    PersonalTable(
      name: "notices", userColumn: "user_id", export: .section("notices"),
      merge: .kept("merging makes notices of its own")),
    PersonalTable(
      name: "notice_acknowledgements", userColumn: "user_id",
      export: .covered("which device has shown what says nothing more"),
      merge: .kept("a device's own")),
    PersonalTable(
      name: "imports", userColumn: "user_id", export: .covered("what came in is in its sections"),
      merge: .kept("what happened, happened")),
    PersonalTable(
      name: "recoveries", userColumn: "user_id",
      export: .covered("the audit names them; what they brought is in its sections"),
      merge: .kept("what happened, happened")),
    PersonalTable(
      name: "claimed_documents", userColumn: "user_id", export: .covered("what came in is in its sections"),
      merge: .kept("a document counts once")),
    PersonalTable(
      name: "mail_outbox", userColumn: "user_id",
      export: .covered("the audit names what mails were sent for; the mails are the person's"),
      merge: .kept("a mail is sent once")),
    PersonalTable(
      name: "mail_tokens", userColumn: "user_id", export: .covered("they are credentials, and end by themselves"),
      merge: .kept("credentials never come from elsewhere")),
    PersonalTable(
      name: "audit_heads", userColumn: "user_id", export: .covered("the last event's own number and hash"),
      merge: .kept("what happened, happened")),
    PersonalTable(
      name: "audit_events", userColumn: "user_id", export: .section("audit"), merge: .kept("what happened, happened")),
  ]

  /// The tables of the audit. The serving role may remove their rows by `erase_audit_trail` only.
  static let auditTrail: Set<String> = ["audit_heads", "audit_events"]

  /// Tables without rows of users.
  public static let impersonal: Set<String> = [
    "schema_versions", "service_state", "timelines", "server_probes", "backup_runs", "rate_limits", "server_key",
  ]

  /// The names of columns with a row's user.
  public static let userColumns: Set<String> = ["user_id", "claimed_by"]
}
