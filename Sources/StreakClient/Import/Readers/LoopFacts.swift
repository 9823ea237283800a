/// Facts that Loop Habit Tracker's databases and CSV files share. Source: iSoron/uhabits,
/// models/Entry.kt, PaletteColor.kt.
enum LoopFacts {
  /// The colours of the palette, by number.
  static let palette: [UInt32] = [
    0xD32F2F, 0xE64A19, 0xF57C00, 0xFF8F00, 0xF9A825, 0xAFB42B, 0x7CB342, 0x388E3C, 0x00897B, 0x00ACC1, 0x039BE5,
    0x1976D2, 0x303F9F, 0x5E35B1, 0x8E24AA, 0xD81B60, 0x5D4037, 0x303030, 0x757575, 0xAAAAAA,
  ]

  /// The colour of a number. Older versions stored ARGB, which is negative; newer ones store an
  /// index of the palette.
  static func color(_ number: Int64) -> UInt32 {
    if number < 0 { return UInt32(truncatingIfNeeded: number) & 0xFF_FFFF }
    return palette.indices.contains(Int(clamping: number)) ? palette[Int(number)] : 0
  }

  /// The meaning of an entry's number. A habit with amounts stores them in thousandths; its skipped
  /// and unknown days have the same numbers as in other habits.
  static func value(_ number: Int64, isAmount: Bool) -> TrackerValue {
    switch number {
    case -1: return .unknown
    case 3: return .skipped
    case 0 where !isAmount: return .notDone
    case 1 where !isAmount: return .filledIn
    case 2 where !isAmount: return .done
    default: return .amount(Double(number) / 1_000)
    }
  }

  /// The meaning of a CSV value: a word since 2.1, a number before, and in 2.0.3 the number inside
  /// "Entry(timestamp=..., value=2)".
  /// - Returns: Nil if it is none of these.
  static func value(_ text: String, isAmount: Bool) -> TrackerValue? {
    switch text {
    case "YES_MANUAL": return .done
    case "YES_AUTO": return .filledIn
    case "NO": return .notDone
    case "SKIP": return .skipped
    case "UNKNOWN", "": return .unknown
    default:
      guard let number = Int64(text), isAmount || !LoopFacts.isAmount(text) else { return nil }
      return value(number, isAmount: isAmount)
    }
  }

  /// Whether a number can only be an amount.
  static func isAmount(_ text: String) -> Bool { Int64(text).map { !(-1...3).contains($0) } ?? false }

  /// Whether a habit's values are amounts: they outnumber days that are done, of which a damaged
  /// value is none.
  static func areAmounts(_ texts: [String]) -> Bool {
    let amounts = texts.count(where: isAmount)
    return amounts > texts.count { ["1", "2", "YES_MANUAL", "YES_AUTO"].contains($0) }
  }

  static func isWord(_ text: String) -> Bool { ["YES_MANUAL", "YES_AUTO", "NO", "SKIP", "UNKNOWN"].contains(text) }

  /// The goal of a habit with amounts.
  /// - Parameter days: The period of the goal.
  static func goal(isLimit: Bool, amount: Double, days: Int) -> TrackerGoal {
    guard days > 1 else { return isLimit ? .atMost(amount) : .atLeast(amount) }
    // A goal for several days decides nothing about a single day; the fact that something was done
    // on it does.
    return isLimit ? .statedElsewhere("is a limit for \(days) days and not for one") : .unstated
  }

  /// The description; before 2.0 the question served as one.
  static func description(_ description: String, question: String) -> String {
    [question, description].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }
}
