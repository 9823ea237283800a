internal import StreakDomain

/// Months by the beginnings of their names, in the languages of Latin and Cyrillic script that are
/// most frequent in trackers and spreadsheets.
enum MonthNames {
  /// Languages whose names of months differ in meaning.
  enum Language {
    case croatian
    /// Polish, Czech or Ukrainian.
    case other
  }

  /// The month of a name, 1 to 12; `croatian` differs from it for names with two meanings.
  struct Meaning: Equatable {
    var month: Int
    var croatian: Int
    /// Nil: the name does not tell.
    var language: Language?
  }

  /// English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Norwegian, Danish,
  /// Finnish, Hungarian, Slovak, Turkish, Russian.
  private static let beginnings: [[String]] = [
    ["jan", "jän", "ene", "gen", "oca", "tammi", "янв"], ["feb", "fev", "fév", "şub", "sub", "helmi", "фев"],
    ["mar", "mär", "már", "mae", "mrz", "mrt", "maa", "мар"], ["apr", "ápr", "avr", "abr", "nis", "huhti", "апр"],
    ["may", "mai", "maj", "máj", "mei", "mag", "touko", "май", "мая"],
    ["jun", "jún", "juin", "giu", "haz", "kesä", "июн"],
    ["jul", "júl", "juil", "lug", "tem", "heinä", "июл"],
    ["aug", "aoû", "aou", "ago", "ağu", "agu", "avg", "elo", "авг"],
    ["sep", "szep", "set", "eyl", "syys", "сен"], ["oct", "okt", "out", "ott", "eki", "loka", "окт"],
    ["nov", "kas", "marras", "ноя"], ["dec", "dez", "déc", "dic", "des", "ara", "joulu", "дек"],
  ]
  private static let croatian: [[String]] = [
    ["sij"], ["velj"], ["ožu", "ozu"], ["tra"], ["svi"], ["lipa", "lipn"], ["srpa", "srpnj"], ["kol"], ["ruj"], [],
    ["stu"], ["prosina", "prosinc"],
  ]
  /// Polish, Czech and Ukrainian.
  private static let other: [[String]] = [
    ["sty", "led", "січ"], ["lut", "úno", "uno", "лют"], ["bře", "bre", "бер"], ["kwi", "dub", "кві"],
    ["kvě", "kve", "трав"], ["cze", "čer", "cer", "черв"], ["lipi", "lipc", "červenc", "červene", "cervenc", "лип"],
    ["sie", "srpe", "srpna", "серп"], ["wrz", "zář", "zar", "вер"], ["paź", "pazd", "říj", "rij", "жов"],
    ["listopadu", "лист"], ["gru", "prosinec", "prosince", "гру"],
  ]
  /// Names with two meanings, whole or shortened.
  private static let shared: [String: (croatian: Int, other: Int)] = [
    "lip": (6, 7), "srp": (7, 8), "lis": (10, 11), "listopad": (10, 11), "listopada": (10, 11), "pro": (12, 12),
  ]
  /// Weekdays that begin like a month.
  private static let weekdays = ["maand", "maanan", "mard", "marte", "marț", "pazar", "subot"]

  /// Nil if no month has this name.
  static func meaning(_ word: String) -> Meaning? {
    if weekdays.contains(where: { word.hasPrefix($0) }) { return nil }
    if let months = shared[word] { return Meaning(month: months.other, croatian: months.croatian) }
    // Of several beginnings the longest one is the name's.
    var best: (length: Int, meaning: Meaning)?
    for (names, language) in [(beginnings, nil), (croatian, .croatian), (other, .other)] as [([[String]], Language?)] {
      for (index, names) in names.enumerated() {
        for name in names where word.hasPrefix(name) && name.count > best?.length ?? 0 {
          best = (name.count, Meaning(month: index + 1, croatian: index + 1, language: language))
        }
      }
    }
    return best?.meaning
  }

  /// The meanings of a name, for messages.
  static func meanings(_ croatian: Day?, _ other: Day?) -> String {
    let names = ["June", "July", "August", "September", "October", "November"]
    // One of the two days may not exist; the months follow each other.
    let month = croatian?.civil.month ?? (other?.civil.month ?? 7) - 1
    return "\(names[month - 6]) in Croatian and \(names[month - 5]) in Polish and Czech"
  }

  /// The language of a file's names with two meanings; nil if its other names do not tell, or
  /// contradict each other.
  static func language(of dates: [DateText], today: Day) -> Language? {
    var found: Set<Language> = []
    for date in dates {
      if let language = date.monthLanguage { found.insert(language) }
      guard case .sharedName(let croatian, let other) = date.shape else { continue }
      // A day that does not exist, or is not over, decides too.
      func isPast(_ day: Day?) -> Bool { day.map { $0 <= today.advanced(by: 1) } ?? false }
      if isPast(croatian) != isPast(other) { found.insert(isPast(croatian) ? .croatian : .other) }
    }
    return found.only
  }
}
