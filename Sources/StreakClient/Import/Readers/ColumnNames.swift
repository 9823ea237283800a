/// Names of table columns, in the most frequent languages of such tables.
enum ColumnNames {
  static let date: Set<String> = [
    "date", "day", "timestamp", "datum", "tag", "fecha", "día", "dia", "data", "jour", "giorno", "dag", "dzień", "дата",
    "calendardate", "completed at", "completed on", "completion date", "date completed", "when", "日付", "日期",
  ]
  static let habit: Set<String> = [
    "habit", "habit name", "habitname", "habit_name", "name", "task", "task name", "activity", "title", "tracker",
    "gewohnheit", "aktivität", "hábito", "habito", "nombre", "habitude", "nom", "abitudine", "nome", "gewoonte", "naam",
    "nawyk", "vana", "привычка", "習慣", "习惯",
  ]
  /// Whether it was done; if a table has both, these columns come before `amount`.
  static let done: Set<String> = [
    "done", "completed", "complete", "status", "state", "checked", "success", "erledigt", "estado", "hecho", "fait",
    "fatto", "feito", "gedaan",
  ]
  static let amount: Set<String> = [
    "value", "amount", "count", "quantity", "number", "times", "wert", "menge", "anzahl", "valor", "cantidad", "valeur",
    "quantité", "valore", "quantità", "quantidade", "waarde", "aantal", "значение",
  ]
  static let note: Set<String> = [
    "note", "notes", "comment", "comments", "commenttext", "memo", "remark", "text", "notiz", "notizen", "kommentar",
    "nota", "notas", "comentario", "commentaire", "commento", "comentário", "opmerking", "заметка",
  ]
  static let time: Set<String> = ["time", "hour", "uhrzeit", "zeit", "hora", "heure", "ora", "tijd", "время"]

  static func column(_ header: CSVTable.Row, _ names: Set<String>) -> Int? {
    header.fields.indices.first { names.contains(header.fields[$0].trimmed.lowercased()) }
  }
}
