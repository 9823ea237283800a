internal import StreakDomain

/// A date of any program and language, with the text beside it. Its meaning may depend on the order
/// of its numbers.
struct DateText: Equatable {
  enum Shape: Equatable {
    /// Unambiguous: a year of four digits comes first, or a month is named.
    case day(Day)
    /// Unambiguous, and no valid day.
    case noDay
    /// Three numbers in unknown order.
    case numbers(Numbers)
    /// The name of the month is one month in Croatian and another in Polish, Czech and Ukrainian.
    case sharedName(croatian: Day?, other: Day?)
    /// Milliseconds since 1970.
    case moment(Int64)
  }

  /// The numbers of a date; the last may be a year of four digits.
  struct Numbers: Equatable {
    var first: Int
    var second: Int
    var third: Int
    var hasFullYear: Bool
    /// The first number has two digits, and so may be a year.
    var canBeginWithYear: Bool
    /// The last number has two or four digits, and so may be a year.
    var canEndWithYear: Bool
    /// The month has a name, and is the second number.
    var hasMonthName = false
    /// Full stops separate the numbers, or the month has a name. A full stop after a year of two
    /// digits makes this false: Korean dates have one, with the year first.
    var isUsuallyDayFirst: Bool

    func day(_ order: DateOrder) -> Day? {
      let last = hasFullYear ? third : 2_000 + third
      switch order {
      case .dayFirst: return canEndWithYear ? Day(year: last, month: second, day: first) : nil
      case .monthFirst where hasMonthName: return day(.dayFirst)
      case .monthFirst: return canEndWithYear ? Day(year: last, month: first, day: second) : nil
      case .yearFirst:
        return canBeginWithYear && !hasFullYear ? Day(year: 2_000 + first, month: second, day: third) : nil
      }
    }
  }

  private(set) var shape: Shape
  /// The languages that its month's name can belong to; nil: any.
  private(set) var monthLanguage: MonthNames.Language?
  /// A time beside the date, such as "08:30"; empty for midnight.
  private(set) var time = ""
  /// Seconds since midnight, if there is a time.
  private(set) var secondsOfDay: Int?
  /// Whether a time beside the date is invalid.
  private(set) var hasInvalidTime = false
  /// The offset of a time with an offset or "Z".
  private(set) var utcOffsetSeconds: Int?

  /// - Returns: Nil if the text is not a date.
  init?(_ text: String) {
    guard text.utf8.count <= Self.bytesMax else { return nil }
    shape = .noDay
    var tokens = DateToken.tokens(of: text)
    takeTime(&tokens)
    if Self.places(ofNumbersIn: tokens).count == 5 { hasInvalidTime = true }
    guard !tokens.contains(where: \.isStray) else { return nil }
    let month = Self.month(in: tokens)
    guard let found = Self.shape(of: tokens, month) else { return nil }
    shape = found
    monthLanguage = month?.meaning.language
  }

  /// Most bytes of a date with the text beside it.
  static let bytesMax = 64

  /// The day in the given order; nil if it is not valid.
  func day(_ order: DateOrder) -> Day? {
    switch shape {
    case .day(let day): day
    case .noDay, .moment, .sharedName: nil
    case .numbers(let numbers): numbers.day(order)
    }
  }

  private static func year(_ number: Int, _ isFull: Bool) -> Int { isFull ? number : 2_000 + number }

  // MARK: Reading

  /// Removes the time and its offset from the tokens.
  private mutating func takeTime(_ tokens: inout [DateToken]) {
    guard let start = Self.startOfTime(in: tokens), var hour = tokens[start].number(digits: 1...2),
      let minute = tokens[start + 2].number(digits: 2...2)
    else { return }
    var end = start + 3
    func number(_ offset: Int, _ digits: ClosedRange<Int>) -> Int? {
      end + offset < tokens.count ? tokens[end + offset].number(digits: digits) : nil
    }
    func sign(_ offset: Int, _ signs: [Unicode.Scalar]) -> Unicode.Scalar? {
      guard end + offset < tokens.count, case .sign(let found) = tokens[end + offset], signs.contains(found) else {
        return nil
      }
      return found
    }
    func word(_ offset: Int) -> String {
      guard end + offset < tokens.count, case .word(let word) = tokens[end + offset] else { return "" }
      return word
    }
    var second = 0
    if sign(0, [":"]) != nil, let found = number(1, 2...2) {
      second = found
      end += 2
      if sign(0, [".", ","]) != nil, number(1, 1...9) != nil { end += 2 }
    }
    let half = word(0)
    if ["am", "pm", "a", "p"].contains(half) {
      hour = hour % 12 + (half.hasPrefix("p") ? 12 : 0)
      end += 1
      // "a.m."
      while sign(0, ["."]) != nil || word(0) == "m" { end += 1 }
    }
    if ["z", "utc", "gmt"].contains(word(0)) {
      utcOffsetSeconds = 0
      end += 1
    }
    if let plus = sign(0, ["+", "-", "\u{2212}"]) {
      let direction = plus == "+" ? 1 : -1
      if let both = number(1, 4...4) {
        utcOffsetSeconds = direction * (both / 100 * 3_600 + both % 100 * 60)
        end += 2
      } else if let hours = number(1, 2...2), end + 2 == tokens.count || sign(2, [":"]) != nil {
        utcOffsetSeconds = direction * (hours * 3_600 + (number(3, 2...2) ?? 0) * 60)
        end += end + 2 == tokens.count ? 2 : 4
      }
    }
    let isTime = (0...23).contains(hour) && minute < 60 && second <= 60
    if isTime {
      secondsOfDay = hour * 3_600 + minute * 60 + second
      if secondsOfDay != 0 { time = "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)" }
    } else {
      hasInvalidTime = true
    }
    tokens.removeSubrange(start..<min(end, tokens.count))
    // The T of ISO 8601.
    if start > 0, tokens[start - 1] == .word("t") { tokens.remove(at: start - 1) }
  }

  /// The index of a time's hour. A full stop or an "h" can separate it from the minute, if the time
  /// follows a date of three numbers.
  private static func startOfTime(in tokens: [DateToken]) -> Int? {
    func isTime(_ start: Int, _ separators: [DateToken]) -> Bool {
      start + 2 < tokens.count && tokens[start].number(digits: 1...2) != nil && separators.contains(tokens[start + 1])
        && tokens[start + 2].number(digits: 2...2) != nil
    }
    if let start = tokens.indices.first(where: { isTime($0, [.sign(":")]) }) { return start }
    let numbers = places(ofNumbersIn: tokens)
    guard numbers.count == 5, isTime(numbers[3], [.sign("."), .word("h")]) else { return nil }
    return numbers[3]
  }

  private static func places(ofNumbersIn tokens: [DateToken]) -> [Int] {
    tokens.indices.filter { if case .number = tokens[$0] { true } else { false } }
  }

  /// Whether the sign for "year" follows the first number, as in Chinese, Japanese and Korean.
  private static func hasYearSign(_ tokens: [DateToken]) -> Bool {
    guard let first = tokens.firstIndex(where: { $0.number(digits: 2...2) != nil }), first + 1 < tokens.count else {
      return false
    }
    return tokens[first + 1] == .word("年") || tokens[first + 1] == .word("년")
  }

  /// The month that is named: of several words, one between the numbers, then the one nearest to
  /// the day's number, then the last one. Another word is a weekday.
  private static func month(in tokens: [DateToken]) -> (meaning: MonthNames.Meaning, isBetween: Bool)? {
    let numbers = places(ofNumbersIn: tokens)
    guard numbers.count == 2 else { return nil }
    let day = tokens[numbers[0]].number(digits: 4...4) == nil ? numbers[0] : numbers[1]
    var best: (meaning: MonthNames.Meaning, isBetween: Bool, distance: Int)?
    for (place, token) in tokens.enumerated() {
      guard case .word(let word) = token, let meaning = MonthNames.meaning(word) else { continue }
      let isBetween = numbers[0] < place && place < numbers[1]
      let distance = abs(place - day)
      if let best, best.isBetween != isBetween ? best.isBetween : best.distance < distance { continue }
      best = (meaning, isBetween, distance)
    }
    return best.map { ($0.meaning, $0.isBetween) }
  }

  private static func shape(
    of tokens: [DateToken], _ month: (meaning: MonthNames.Meaning, isBetween: Bool)?
  ) -> Shape? {
    let numbers = tokens.compactMap { if case .number(let value, let digits) = $0 { (value, digits) } else { nil } }
    func certain(_ year: Int, _ month: Int, _ day: Int) -> Shape {
      Day(year: year, month: month, day: day).map { .day($0) } ?? .noDay
    }
    func named(_ month: MonthNames.Meaning, _ year: Int, _ day: Int) -> Shape {
      guard month.month != month.croatian else { return certain(year, month.month, day) }
      let croatian = Day(year: year, month: month.croatian, day: day)
      let other = Day(year: year, month: month.month, day: day)
      return croatian == nil && other == nil ? .noDay : .sharedName(croatian: croatian, other: other)
    }
    switch numbers.count {
    case 3, 5:
      // Five numbers: an invalid time follows.
      let (first, second, third) = (numbers[0], numbers[1], numbers[2])
      if first.1 == 4 { return certain(first.0, second.0, third.0) }
      if hasYearSign(tokens) { return certain(year(first.0, false), second.0, third.0) }
      // A year of two digits may come first, and a day of one digit last.
      guard first.1 <= 2, second.1 <= 2, third.1 == 4 || third.1 == 2 || third.1 == 1 && first.1 == 2 else {
        return nil
      }
      let hasPoints = tokens.contains(.sign(".")) && !tokens.contains(.sign("/")) && !tokens.contains(.sign("-"))
      guard numbers.count == 3 || hasPoints else { return nil }
      return .numbers(
        Numbers(
          first: first.0, second: second.0, third: third.0, hasFullYear: third.1 == 4, canBeginWithYear: first.1 == 2,
          canEndWithYear: third.1 != 1, isUsuallyDayFirst: hasPoints && (third.1 == 4 || tokens.last != .sign("."))))
    case 2:
      guard let (month, isBetween) = month else { return nil }
      let (first, second) = (numbers[0], numbers[1])
      if first.1 == 4 { return named(month, first.0, second.0) }
      guard second.1 == 4 || second.1 == 2, first.1 <= 2 else { return nil }
      // In "24-Jan-05" the year may be first.
      if isBetween, first.1 == 2, second.1 == 2, month.month == month.croatian {
        return .numbers(
          Numbers(
            first: first.0, second: month.month, third: second.0, hasFullYear: false, canBeginWithYear: true,
            canEndWithYear: true, hasMonthName: true, isUsuallyDayFirst: true))
      }
      return named(month, year(second.0, second.1 == 4), first.0)
    case 1 where tokens.count == 1:
      let (value, digits) = numbers[0]
      switch digits {
      case 8: return certain(value / 10_000, value / 100 % 100, value % 100)
      case 10: return .moment(Int64(value) * 1_000)
      case 13: return .moment(Int64(value))
      default: return nil
      }
    default: return nil
    }
  }
}

/// A part of a date's text.
enum DateToken: Equatable {
  case number(Int, digits: Int)
  /// In lower case.
  case word(String)
  case sign(Unicode.Scalar)

  /// Most digits of a number; a longer one is not read as one.
  private static let digitsMax = 18

  func number(digits range: ClosedRange<Int>) -> Int? {
    guard case .number(let value, let digits) = self, range.contains(digits) else { return nil }
    return value
  }

  /// A single letter that belongs to no date, as in the typing error "2025x".
  var isStray: Bool {
    guard case .word(let word) = self else { return false }
    return word.count == 1 && !["t", "h", "г", "年", "月", "日", "년", "월", "일"].contains(word)
  }

  static func tokens(of text: String) -> [DateToken] {
    var tokens: [DateToken] = []
    for scalar in text.unicodeScalars {
      if let digit = scalar.decimalDigit {
        if case .number(let value, let digits)? = tokens.last, digits < digitsMax {
          tokens[tokens.count - 1] = .number(value * 10 + digit, digits: digits + 1)
        } else {
          tokens.append(.number(digit, digits: 1))
        }
      } else if scalar.properties.isAlphabetic || scalar.properties.generalCategory == .nonspacingMark {
        let letters = scalar.properties.lowercaseMapping
        if case .word(let word)? = tokens.last {
          tokens[tokens.count - 1] = .word(word + letters)
        } else {
          tokens.append(.word(letters))
        }
      } else if scalar.properties.isWhitespace || scalar.properties.generalCategory == .format || scalar == "'" {
        // A mark of direction, a space or an apostrophe has no meaning, but ends a number or a
        // word.
        if tokens.last != .sign(" ") { tokens.append(.sign(" ")) }
      } else {
        tokens.append(.sign(scalar))
      }
    }
    return tokens.filter { $0 != .sign(" ") }
  }
}

extension Unicode.Scalar {
  /// The value of a decimal digit of any script.
  var decimalDigit: Int? {
    if isASCII { return (0x30...0x39).contains(value) ? Int(value) - 0x30 : nil }
    guard properties.numericType == .decimal else { return nil }
    return properties.numericValue.map { Int($0) }
  }
}
