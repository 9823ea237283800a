/// Words and signs for done and not done, in the most frequent languages of such tables.
enum CheckWords {
  private static let done: Set<String> = [
    "x", "✓", "✔", "✔️", "☑", "☑️", "✅", "●", "•", "*", "+", "yes", "y", "true", "t", "done", "complete", "completed",
    "checked", "check",
    "on", "ok", "success", "si", "sí", "verdadero", "hecho", "ja", "j", "wahr", "erledigt", "oui", "vrai", "fait",
    "sim", "verdadeiro", "feito", "vero", "fatto", "waar", "gedaan", "tak", "prawda", "evet", "doğru", "да", "истина",
    "yes_manual",
  ]
  private static let notDone: Set<String> = [
    "no", "n", "false", "f", "not done", "incomplete", "unchecked", "off", "missed", "fail", "failed", "none", "null",
    "n/a", "na", "-", "–", "—", "☐", "✗", "✘", "❌", "✖", "✖️", "nein", "falsch", "non", "faux", "falso", "não",
    "nao", "nee", "onwaar", "nie", "fałsz", "hayır", "yanlış", "нет", "ложь",
  ]

  /// The value of a word; nil if it is unknown.
  static func value(_ text: String) -> TrackerValue? {
    let word = text.trimmed.lowercased()
    switch word {
    case "", "unknown", "?": return .unknown
    case "skip", "skipped", "excused", "rest": return .skipped
    case "yes_auto", "auto": return .filledIn
    default:
      if done.contains(word) { return .done }
      return notDone.contains(word) ? .notDone : nil
    }
  }
}
