internal import StreakDomain

/// Cuts texts to the limits of habits and notes, and adds remarks about the changes.
struct ImportLimits {
  private(set) var remarks: [ImportRemark] = []

  /// Most characters of a text in a remark.
  private static let shownMax = 300

  /// A name that can be stored: one line, not empty, not too long.
  /// - Parameter number: The habit's place in the file, from 1.
  mutating func name(_ text: String, number: Int, place: String) -> String {
    let line = String(
      String.UnicodeScalarView(text.unicodeScalars.map { HabitName.isValid("x\($0)") ? $0 : " " })
    ).trimmed
    guard HabitName.isValid(line) || line.utf8.count > HabitName.bytesMax else {
      let name = "Habit \(number)"
      remarks.append(ImportRemark("has no name in the file", habit: name, place: place))
      return name
    }
    let name = line.cut(toBytes: HabitName.bytesMax)
    if line != text.trimmed {
      remarks.append(
        ImportRemark("line feeds and control characters of its name became spaces", habit: name, place: place))
    }
    if name != line {
      remarks.append(
        ImportRemark(
          "its name is longer than \(HabitName.bytesMax) bytes and was cut", habit: name, place: place,
          detail: Self.shown(line)))
    }
    return name
  }

  mutating func description(_ text: String, of habit: String, place: String) -> String {
    let clean = text.withoutZeros.trimmed
    let kept = clean.cut(toBytes: HabitFields.descriptionBytesMax)
    if kept != clean {
      remarks.append(
        ImportRemark(
          "its description is longer than \(HabitFields.descriptionBytesMax) bytes and was cut", habit: habit,
          place: place, detail: "left out: \(Self.shown(String(clean.dropFirst(kept.count))))"))
    }
    return kept
  }

  mutating func note(_ text: String, of habit: String, on day: Day, place: String) -> String {
    let clean = text.withoutZeros
    let kept = clean.cut(toBytes: StreakClient.noteBytesMax)
    if kept != clean {
      remarks.append(
        ImportRemark(
          "the note has \(clean.utf8.count) bytes; its first \(kept.utf8.count) are kept", habit: habit, day: day,
          place: place, detail: "left out: \(Self.shown(String(clean.dropFirst(kept.count))))"))
    }
    return kept
  }

  /// A text for a remark, shortened if necessary.
  static func shown(_ text: String) -> String {
    let line = String(text.map { $0.isNewline ? " " : $0 })
    return line.count <= shownMax ? line : "\(line.prefix(shownMax))… (\(line.count) characters)"
  }
}

extension String {
  /// The longest prefix of whole characters with at most that many bytes of UTF-8.
  func cut(toBytes bytesMax: Int) -> String {
    guard utf8.count > bytesMax else { return self }
    var bytes = 0
    return String(
      prefix { character in
        bytes += character.utf8.count
        return bytes <= bytesMax
      })
  }

  /// Without NUL characters, which cannot be stored.
  var withoutZeros: String { utf8.contains(0) ? String(filter { $0 != "\0" }) : self }
}
