/// The columns that say whether a row's day was done, and how much; a table may have both.
struct DoneAndAmount {
  var done: Int?
  var amount: Int?

  /// The value of a row; remarks tell what of it is not kept. Without columns, each row is done.
  func value(of row: CSVTable.Row, habit: String, _ remarks: inout [ImportRemark]) -> TrackerValue {
    guard let done, let amount else { return (done ?? amount).map { .word(row.field($0)) } ?? .done }
    let (state, count) = (row.field(done), row.field(amount))
    func remark(_ text: String) {
      remarks.append(ImportRemark(text, habit: habit, place: row.place, detail: ImportLimits.shown(count)))
    }
    if count.isEmpty { return .word(state) }
    let word = CheckWords.value(state)
    let number = NumberText(state)?.value(.point)
    if word == .unknown { return .word(count) }
    if word == .done || number == 1 {
      // The amount is more exact.
      if let size = NumberText(count)?.value(.point) {
        if size > 0 { return .word(count) }
        remark("the row is marked as done and has the amount \(count); it is taken as done")
      } else if CheckWords.value(count) != .done {
        remark("this is no amount; the row is taken as done")
      }
      return .done
    }
    if NumberText(count)?.value(.point) != 0 {
      let isUndone = word == .notDone || word == .skipped || number == 0
      remark(isUndone ? "the row says that it is not done; its amount is not kept" : "its amount is not kept")
    }
    return .word(state)
  }
}
