internal import StreakDomain

/// Makes a history from a reader's result: deduces the formats of dates and numbers from the whole
/// file, merges a day's records, compares amounts with goals, applies limits, and lists every
/// deviation.
struct HistoryRules {
  private let file: TrackerFile
  private let options: ImportOptions
  private let usesSemicolons: Bool
  private var names: [String] = []
  private var history: ImportedHistory
  private var dateOrder = DateOrder.dayFirst
  private var monthLanguage: MonthNames.Language?
  private var numberStyle = NumberStyle.point
  /// Each distinct date text is parsed once: tables repeat it for every habit.
  private var dateTexts: [String: DateText?] = [:]

  /// - Parameter usesSemicolons: The file is a table with the delimiter of languages that have a
  ///   decimal comma.
  static func history(
    of file: TrackerFile, _ options: ImportOptions, usesSemicolons: Bool = false
  ) throws(ImportedHistory.Failure) -> ImportedHistory {
    var rules = HistoryRules(file: file, options: options, usesSemicolons: usesSemicolons)
    rules.history.remarks = file.remarks
    rules.nameHabits()
    try rules.decideStyles()
    rules.judge(rules.collect())
    return rules.history
  }

  private init(file: TrackerFile, options: ImportOptions, usesSemicolons: Bool) {
    self.file = file
    self.options = options
    self.usesSemicolons = usesSemicolons
    history = ImportedHistory(source: file.source)
  }

  private mutating func remark(
    _ text: String, _ habit: Int? = nil, day: Day? = nil, place: String = "", detail: String = ""
  ) {
    history.remarks.append(
      ImportRemark(text, habit: habit.map { names[$0] }, day: day, place: place, detail: ImportLimits.shown(detail)))
  }

  // MARK: Habits

  private mutating func nameHabits() {
    var limits = ImportLimits()
    for (index, found) in file.habits.enumerated() {
      let name = limits.name(found.name, number: index + 1, place: found.place)
      var habit = ImportedHistory.Habit(name: name)
      habit.description = limits.description(found.description, of: name, place: found.place)
      habit.color = min(found.color, HabitFields.colorMax)
      habit.archived = found.archived
      names.append(name)
      history.habits.append(habit)
    }
    history.remarks += limits.remarks
    for (index, found) in file.habits.enumerated() {
      if !found.rhythm.isEmpty {
        remark("is to be done \(found.rhythm) there; here it becomes a daily habit", index)
      }
      if found.hasReminder { remark("its reminder is not kept", index) }
    }
  }

  // MARK: Dates and numbers

  private mutating func decideStyles() throws(ImportedHistory.Failure) {
    var dates: [DateText] = []
    var numbers: [String] = []
    for record in file.records {
      if case .text(let text) = record.day, dateTexts[text] == nil {
        let date = DateText(text)
        dateTexts[text] = .some(date)
        if let date { dates.append(date) }
      }
      if case .word(let text) = record.value, text.contains(where: { $0 == "." || $0 == "," }) { numbers.append(text) }
    }
    numberStyle = NumberStyle.decide(numbers, usesSemicolons: usesSemicolons)
    monthLanguage = MonthNames.language(of: dates, today: today)
    if let order = options.dateOrder ?? DateOrder.decide(dates, today: today) {
      dateOrder = order
    } else if DateOrder.isDayFirstByDefault(dates, today: today) {
      dateOrder = .dayFirst
      remark("nothing in the file says so, but in its dates the day was taken to come first", detail: examples().open)
    } else {
      let (open, orders) = examples()
      throw .init(
        message: "The order of day, month and year in this file's dates is not certain: \(open). Say which it is.",
        question: .dateOrder(orders))
    }
  }

  private var today: Day { options.clock.localTime(at: options.clock.now, dayStartMinutes: 0).day }

  /// What an ambiguous date is in each order or, if the file contradicts itself, a date of each
  /// order; and the orders that are possible in the file.
  private func examples() -> (open: String, orders: [DateOrder]) {
    var open: String?
    var certain: [DateOrder: String] = [:]
    var possible: Set<DateOrder> = []
    for record in file.records {
      guard case .text(let text) = record.day, let date = dateTexts[text] ?? nil, case .numbers = date.shape else {
        continue
      }
      let shown = record.place.isEmpty ? text.trimmed : "\(text.trimmed) (\(record.place))"
      let candidates = DateOrder.candidates(date, today: today)
      possible.formUnion(candidates.keys)
      if let only = candidates.keys.only { certain[only] = certain[only] ?? shown }
      guard open == nil, Set(candidates.values).count > 1 else { continue }
      var shownDays: Set<Day> = []
      let readings = DateOrder.allCases.compactMap { order in
        candidates[order].flatMap {
          shownDays.insert($0).inserted ? "\($0) if the \(order.leader) comes first" : nil
        }
      }
      open = "\(shown) is \(readings.joined(separator: ", "))"
    }
    let orders = DateOrder.allCases.filter { possible.contains($0) }
    guard certain.count > 1 else { return (open ?? "", orders) }
    let contradiction = DateOrder.allCases.compactMap { order in
      certain[order].map { "in \($0) the \(order.leader) must come first" }
    }
    return (contradiction.joined(separator: ", "), orders)
  }

  /// A record's day; nil, with a remark, if there is none.
  private mutating func day(of record: TrackerRecord) -> (day: Day, time: String)? {
    switch record.day {
    case .day(let day): return (day, record.time)
    case .moment(let moment, let offset): return (localDay(moment, offset), record.time)
    case .text(let text):
      guard let date = dateTexts[text] ?? nil else {
        remark(
          text.trimmed.isEmpty ? "the row has no date" : "this is no date", record.habit, place: record.place,
          detail: text.trimmed)
        return nil
      }
      let time = record.time.isEmpty ? date.time : record.time
      if case .moment(let moment) = date.shape { return (localDay(moment, nil), time) }
      let found: Day?
      if case .sharedName(let croatian, let other) = date.shape {
        guard let monthLanguage else {
          remark(
            "the name of its month means \(MonthNames.meanings(croatian, other)), and the file does not show which; write months as numbers",
            record.habit, place: record.place, detail: text.trimmed)
          return nil
        }
        found = monthLanguage == .croatian ? croatian : other
      } else {
        found = date.day(dateOrder)
      }
      guard let day = found else {
        let isOpen = if case .numbers = date.shape { true } else { false }
        remark(
          isOpen
            ? "there is no such day, if dates are \(dateOrder.rawValue) as in the rest of the file"
            : "there is no such day",
          record.habit, place: record.place, detail: text.trimmed)
        return nil
      }
      if date.hasInvalidTime, record.time.isEmpty {
        remark("its time of day is not kept", record.habit, place: record.place, detail: text.trimmed)
      }
      // A moment in UTC is converted to the person's local day; programs write a date alone as
      // midnight in UTC.
      guard date.utcOffsetSeconds == 0, let seconds = date.secondsOfDay, seconds != 0 else { return (day, time) }
      return (localDay(Int64(day.number) * 86_400_000 + Int64(seconds) * 1_000, nil), record.time)
    }
  }

  private func localDay(_ milliseconds: Int64, _ offset: Int32?) -> Day {
    let moment = Instant(milliseconds: milliseconds)
    let offset = offset ?? options.clock.zone(at: moment).utcOffsetSeconds
    return ClientTime(occurredAt: moment, zone: "UTC", utcOffsetSeconds: offset).day
  }

  // MARK: Days

  /// Merges the records of each habit's days.
  private mutating func collect() -> [[Day: DayEntry]] {
    var entries = [[Day: DayEntry]](repeating: [:], count: file.habits.count)
    var isKnown: Set<String> = []
    for record in file.records {
      guard let value = value(of: record), value != .unknown || !record.note.isEmpty else { continue }
      guard let (day, time) = day(of: record) else { continue }
      var record = record
      record.time = time
      if file.repetition == .statements, entries[record.habit][day] != nil {
        // Only records with content: some programs list every day of a habit.
        let key = "\(record.habit) \(day) \(value) \(record.note)"
        if !isKnown.insert(key).inserted {
          remark("says the same as a row before it", record.habit, day: day, place: record.place, detail: time)
          continue
        }
      } else if file.repetition == .statements {
        isKnown.insert("\(record.habit) \(day) \(value) \(record.note)")
      }
      entries[record.habit][day, default: DayEntry(goal: file.habits[record.habit].goal)]
        .add(record, value, file.repetition)
    }
    return entries
  }

  /// A record's value; nil, with a remark, if it cannot be read.
  private mutating func value(of record: TrackerRecord) -> TrackerValue? {
    guard case .word(let text) = record.value else { return record.value }
    if let value = CheckWords.value(text) { return value }
    if let number = NumberText(text.trimmed), let amount = number.value(number.vote ?? numberStyle) {
      if let vote = number.vote, vote != numberStyle {
        remark(
          "its decimal sign is not that of the file's other numbers; it was read with its own", record.habit,
          place: record.place, detail: "\(text.trimmed) = \(amount.shortText)")
      }
      return .amount(amount)
    }
    remark("this is neither a number nor a word for done or not done", record.habit, place: record.place, detail: text)
    return nil
  }

  private mutating func judge(_ entries: [[Day: DayEntry]]) {
    var limits = ImportLimits()
    for (index, days) in entries.enumerated() {
      let habit = file.habits[index]
      let unit = unit(of: habit, days)
      var filledIn: [Day] = []
      for (day, entry) in days.sorted(by: { $0.key < $1.key }) {
        if file.hasContradictions, entry.isDone || entry.amount ?? 0 > 0, entry.isDenied {
          remark("one row says done and another not done", index, day: day, place: entry.place)
        }
        if entry.meetsGoal {
          let note = entry.keptNote(unit: unit, repetition: file.repetition)
          history.habits[index].days[day] = limits.note(note, of: names[index], on: day, place: entry.place)
        } else {
          remarkOnUndone(entry, of: index, on: day, unit)
          if entry.isFilledIn, entry.amount == nil { filledIn.append(day) }
        }
      }
      remarkOnGoal(of: index, days, unit)
      if let first = filledIn.first, let last = filledIn.last {
        remark(
          "the program itself filled in days, which the person did not do; they are not taken", index,
          detail: "\(filledIn.count) from \(first) to \(last)")
      }
    }
    history.remarks += limits.remarks
  }

  /// The unit of a habit's amounts; nil if they only mean done.
  private func unit(of habit: TrackerHabit, _ days: [Day: DayEntry]) -> String? {
    let amounts = days.values.compactMap(\.amount)
    guard !amounts.isEmpty else { return nil }
    switch habit.goal {
    case .unstated, .atLeast(1), .slips: return amounts.contains { $0 != 0 && $0 != 1 } ? habit.unit : nil
    case .atLeast, .atMost, .statedElsewhere: return habit.unit
    }
  }

  /// Adds remarks about the content of a day that is not done.
  private mutating func remarkOnUndone(_ entry: DayEntry, of index: Int, on day: Day, _ unit: String?) {
    let amount = entry.amount.map { $0 == 0 && unit == nil ? "" : DayEntry.amountText($0, unit ?? "") } ?? ""
    let detail = [amount, entry.note].filter { !$0.isEmpty }.joined(separator: ", ")
    func add(_ text: String) { remark(text, index, day: day, place: entry.place, detail: detail) }
    if entry.isSkipped { return add("a skipped day is not kept") }
    let hasAmount = entry.amount.map { $0 > 0 } ?? false
    switch entry.goal {
    case .slips where entry.isDone || hasAmount: add("this is a failure to keep away from it, and so no day done")
    case .atLeast(let least) where hasAmount && !entry.isDone:
      add("less than the goal of \(DayEntry.amountText(least, unit ?? "")), so the day is not done")
    case .atMost(let most) where hasAmount && !entry.isDone:
      add("more than the limit of \(DayEntry.amountText(most, unit ?? "")), so the day is not done")
    case .statedElsewhere(let where_) where hasAmount: add("an amount whose goal \(where_)")
    default:
      if let amount = entry.amount, amount < 0 { return add("an amount below 0 makes no day done") }
      if !entry.note.isEmpty { add("the note of a day that is not done is not kept") }
    }
  }

  private mutating func remarkOnGoal(of index: Int, _ days: [Day: DayEntry], _ unit: String?) {
    guard let unit else { return }
    switch file.habits[index].goal {
    case .unstated:
      remark(
        "the file has amounts and does not say which amount is enough: each day above 0 is taken as done; the amounts are kept in the notes",
        index)
    case .atLeast(let least) where least != 1:
      remark(
        "its goal is not kept; days were judged by it, and their amounts are kept in the notes", index,
        detail: "at least \(DayEntry.amountText(least, unit)) a day")
    case .atMost(let most):
      remark(
        "its limit is not kept; days were judged by it, and their amounts are kept in the notes", index,
        detail: "at most \(DayEntry.amountText(most, unit)) a day")
    case .atLeast, .statedElsewhere, .slips: break
    }
  }
}
