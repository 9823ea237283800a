import StreakClient

extension ImportedHistory.Habit {
  /// Its name, the number of its days, and their range.
  var summary: String {
    let range = days.keys.min().map { " from \($0) to \(days.keys.max() ?? $0)" } ?? ""
    return "\(name.plain): \(days.count) days\(range)"
  }
}

/// Remarks on an import, one line for each kind and habit.
struct Remarks {
  private var lines: [(text: String, items: [String])] = []

  init(_ remarks: [ImportRemark]) {
    var places: [String: Int] = [:]
    for remark in remarks {
      let text = remark.habit.map { "\($0): \(remark.text)" } ?? remark.text
      let place = places[text] ?? lines.count
      if places.updateValue(place, forKey: text) == nil { lines.append((text, [])) }
      let position = [remark.day?.description ?? "", remark.place].filter { !$0.isEmpty }.joined(separator: ", ")
      let item = [position, remark.detail].filter { !$0.isEmpty }.joined(separator: ": ")
      if !item.isEmpty { lines[place].items.append(item) }
    }
  }

  /// The lines below a title; none if there are no remarks.
  func text(under title: String) -> [String] {
    guard !lines.isEmpty else { return [] }
    var shown = [title]
    for line in lines {
      let items = line.items.isEmpty ? "." : " (\(line.items.joined(separator: "; ")))."
      shown.append("  " + "\(line.text)\(items)".plain)
    }
    return shown
  }
}
