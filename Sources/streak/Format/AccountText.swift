import ProtobufCodec
import StreakClient

/// Where a person's data is stored, and how much waits to be sent: for the current account, or
/// without one.
struct AccountText {
  let accounts: [AccountView]
  /// The effect of a sign-up on the data recorded without an account; nil: there is none.
  let preview: SessionPreview?
  /// Notices that the person has not acknowledged.
  let noticeCount: Int

  private var current: AccountView? { accounts.first(where: \.isCurrent) }
  /// Accounts on this device that are signed out.
  private var kept: [AccountView] { accounts.filter { !$0.isCurrent && !$0.isUnknownToServer } }

  /// The text to print if there are no habits.
  var noHabits: String {
    guard current == nil, let account = kept.first else { return "No habits yet. Make one: streak habit add reading" }
    return
      "No habits without an account. Those of \(account.email.plain) are kept here: streak login \(account.email.plain)"
  }

  var lines: [String] {
    if let current {
      let waiting = current.waiting == 0 ? "everything is sent" : "\(current.waiting) changes wait to be sent"
      let line = "\(current.email.plain): \(waiting)\(current.isSignedIn ? "" : "; log in again")."
      guard let date = current.deletionAt else { return [line] }
      return [line, "The account will be deleted \(moment(date)). To keep it: streak account keep"]
    }
    let waiting = kept.reduce(0) { $0 + $1.waiting }
    let others = waiting == 0 ? "" : " \(waiting) changes of other accounts on this device wait for a login."
    var lines = ["No account: everything is on this device only.\(others)"]
    if let preview, preview.daysQuarantined > 0 { lines.append("In an account made today: \(preview.summary)") }
    lines += kept.map { account in
      "Signed out of \(account.email.plain): what was recorded there is kept here; streak login \(account.email.plain)"
    }
    if accounts.contains(where: \.isUnknownToServer) { lines.append(ClientError.accountUnknown.description) }
    return lines
  }

  /// Nil if there are no notices.
  var notices: String? { noticeCount > 0 ? "\(noticeCount) to look at: streak conflicts" : nil }

  /// The same in JSON.
  var json: [(String, JSONValue)] {
    [
      ("account", current?.json ?? .null), ("otherAccounts", .array(accounts.filter { !$0.isCurrent }.map(\.json))),
      ("notices", .number(noticeCount)),
      (
        "signUp",
        preview.map { preview in
          .object([
            ("daysCounted", .number(preview.daysCounted)), ("daysKept", .number(preview.daysQuarantined)),
            ("firstDay", .string("\(preview.firstDayThatCounts)")),
          ])
        } ?? .null
      ),
    ]
  }
}
