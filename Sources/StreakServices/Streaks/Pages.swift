internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// A page of a list in the order of the habits.
struct HabitPage {
  let size: Int32
  let place: HabitPlace
  private let filter: [UInt8]

  /// - Throws: `PAGE_TOKEN_INVALID`.
  init(size: Int32, token: String, archived: Bool) throws(RPCStatus) {
    self.size = size == 0 ? StreakHandlers.pageSizeDefault : size
    filter = [archived ? 1 : 0]
    place =
      try PageToken.place(token, kind: .habits, filter: filter)
      .map { HabitPlace(position: Int32(clamping: $0.number), habitID: $0.id) } ?? .start
  }

  /// The token of the next page; empty if `foundCount` rows, one more than the page asked for, do
  /// not reach beyond this one.
  func next(_ last: HabitPlace?, _ foundCount: Int) -> String {
    guard let last, foundCount > Int(size) else { return "" }
    return PageToken(number: Int64(last.position), id: last.habitID).text(kind: .habits, filter: filter)
  }
}

/// A page of the history.
struct HistoryPage {
  let size: Int32
  let place: HistoryPlace
  let filter: EntryFilter
  private let filterBytes: [UInt8]

  /// - Throws: `PAGE_TOKEN_INVALID`, or a refusal naming a field.
  init(_ request: GetHistoryRequest) throws(RPCStatus) {
    let wanted = request.filter ?? HistoryFilter()
    size = request.pageSize == 0 ? StreakHandlers.pageSizeDefault : request.pageSize
    let counted: Bool? = wanted.trust == .counted ? true : wanted.trust == .quarantined ? false : nil
    filter = EntryFilter(
      habitID: wanted.habitId.isEmpty ? nil : try identifier(wanted.habitId, "filter.habit_id"),
      firstDay: wanted.days?.firstDay ?? Day.earliest.number, lastDay: wanted.days?.lastDay ?? Day.latest.number,
      counted: counted, includesUndone: wanted.includeUndone)
    filterBytes = wanted.protobufBytes()
    place =
      try PageToken.place(request.pageToken, kind: .history, filter: filterBytes)
      .map { HistoryPlace(day: Int32(clamping: $0.number), habitID: $0.id) } ?? .start
  }

  /// The token of the next page; empty if this one is the last.
  func next(_ last: CellKey?, goesOn: Bool) -> String {
    guard let last, goesOn else { return "" }
    return PageToken(number: Int64(last.day.number), id: last.habitID).text(kind: .history, filter: filterBytes)
  }
}
