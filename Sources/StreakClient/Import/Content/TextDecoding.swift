/// Decodes a file's text: UTF-8 and UTF-16 with and without a byte order mark, Windows-1252 (and so
/// Latin-1).
struct DecodedText {
  private(set) var utf8: [UInt8]
  /// Remarks for the person.
  private(set) var remarks: [ImportRemark] = []

  /// Bytes at the file's start that are used to detect UTF-16 without a mark.
  private static let sampleBytes = 4_096

  init(_ bytes: [UInt8]) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      self.init(utf8: bytes[3...])
    } else if bytes.starts(with: [0xFF, 0xFE]) {
      self.init(utf16: bytes[2...], isBigEndian: false)
    } else if bytes.starts(with: [0xFE, 0xFF]) {
      self.init(utf16: bytes[2...], isBigEndian: true)
    } else if let isBigEndian = Self.unmarkedUTF16(bytes) {
      self.init(utf16: bytes[...], isBigEndian: isBigEndian)
    } else {
      self.init(utf8: bytes[...])
    }
  }

  /// The byte order, from the half of most characters that is zero; nil: neither.
  private static func unmarkedUTF16(_ bytes: [UInt8]) -> Bool? {
    let sample = bytes.prefix(sampleBytes)
    guard sample.count >= 2 else { return nil }
    var zeros = [0, 0]
    for (place, byte) in sample.enumerated() where byte == 0 { zeros[place % 2] += 1 }
    // Some characters are zero in the other half.
    let (enough, few) = (sample.count / 4, 10)
    if zeros[1] > enough, few * zeros[0] < zeros[1] { return false }
    if zeros[0] > enough, few * zeros[1] < zeros[0] { return true }
    return nil
  }

  /// Control characters below the tab, which no text contains.
  private var controlCount: Int { utf8.count { $0 < 0x09 } }

  /// Whether control characters are too frequent for a text with some damage.
  var isBinary: Bool { Self.controlsPart * controlCount > utf8.count }
  private static let controlsPart = 10

  /// With spaces instead of control characters, and a remark.
  var withoutControls: DecodedText {
    let count = controlCount
    guard count > 0 else { return self }
    var text = self
    text.utf8 = utf8.map { $0 < 0x09 ? 0x20 : $0 }
    text.remarks.append(ImportRemark("control characters became spaces", detail: "\(count)"))
    return text
  }

  private init(utf16 bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2)
    var place = bytes.startIndex
    while place + 1 < bytes.endIndex {
      let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
      units.append(isBigEndian ? first << 8 | second : second << 8 | first)
      place += 2
    }
    let text = String(decoding: units, as: UTF16.self)
    utf8 = Array(text.utf8)
    let halves = text.unicodeScalars.count { $0 == "\u{FFFD}" } - units.count { $0 == 0xFFFD }
    if halves > 0 {
      remarks.append(ImportRemark("halves of characters became the sign \u{FFFD}", detail: "\(halves) times"))
    }
    if place < bytes.endIndex { remarks.append(ImportRemark("the file ends in the middle of a character")) }
  }

  private init(utf8 bytes: ArraySlice<UInt8>) {
    let (characters, faults) = Self.count(bytes)
    if faults == 0 {
      utf8 = Array(bytes)
    } else if characters > faults {
      utf8 = Array(String(decoding: bytes, as: UTF8.self).utf8)
      remarks.append(
        ImportRemark("bytes that are no UTF-8 became the sign \u{FFFD}", detail: "\(faults) times"))
    } else {
      utf8 = bytes.flatMap { Array(String(Self.windows1252($0)).utf8) }
      remarks.append(
        ImportRemark(
          "the text is not UTF-8 and was read as Windows-1252; if names look wrong, save the file as UTF-8 and import that"
        ))
    }
  }

  /// Counts multi-byte characters, and bytes that belong to no character.
  private static func count(_ bytes: ArraySlice<UInt8>) -> (characters: Int, faults: Int) {
    var (characters, faults) = (0, 0)
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): if !scalar.isASCII { characters += 1 }
      case .error: faults += 1
      case .emptyInput: return (characters, faults)
      }
    }
  }

  /// Source: the Encoding Standard's index of windows-1252.
  private static let windows1252High: [UInt32] = [
    0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0x8D, 0x17D, 0x8F,
    0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E,
    0x178,
  ]

  private static func windows1252(_ byte: UInt8) -> Unicode.Scalar {
    guard (0x80..<0xA0).contains(byte) else { return Unicode.Scalar(byte) }
    return Unicode.Scalar(windows1252High[Int(byte) - 0x80]) ?? "\u{FFFD}"
  }
}
