/// The decimal separator.
enum NumberStyle {
  case point, comma

  /// The style that makes the numbers of a whole file valid.
  /// - Parameter usesSemicolons: The file's delimiter is the one of languages with a decimal comma.
  static func decide(_ texts: [String], usesSemicolons: Bool) -> NumberStyle {
    var votes = (point: 0, comma: 0)
    for text in texts {
      guard let number = NumberText(text) else { continue }
      switch number.vote {
      case .point?: votes.point += 1
      case .comma?: votes.comma += 1
      case nil: break
      }
    }
    if votes.point == votes.comma { return usesSemicolons ? .comma : .point }
    return votes.point > votes.comma ? .point : .comma
  }
}

/// A number's text, perhaps followed by a unit.
struct NumberText: Equatable {
  /// Digits, points and commas.
  private var body: String
  private var isNegative = false
  /// The power of ten after an E.
  private var exponent = 0
  /// The text after the number, such as "km".
  private(set) var unit = ""

  /// Most bytes of a number with its unit.
  static let bytesMax = 48

  /// - Returns: Nil if the text does not begin with a number, or if other characters than letters
  ///   follow the number.
  init?(_ text: String) {
    guard text.utf8.count <= Self.bytesMax else { return nil }
    body = ""
    var scalars = text.unicodeScalars[...]
    if let sign = scalars.first, ["-", "\u{2212}", "+"].contains(sign) {
      isNegative = sign != "+"
      scalars.removeFirst()
    }
    while let scalar = scalars.first {
      if let digit = scalar.decimalDigit {
        body += String(digit)
      } else if scalar == "." || scalar == "," || scalar == "\u{66B}" {
        body += scalar == "." ? "." : ","
      } else if ["'", "\u{2019}", "\u{A0}", "\u{202F}", "\u{66C}"].contains(scalar), !body.isEmpty {
        // A thousands separator. An ordinary space ends the number.
      } else {
        break
      }
      scalars.removeFirst()
    }
    guard body.contains(where: \.isNumber), body.last != ".", body.last != "," else { return nil }
    if let sign = scalars.first, sign == "e" || sign == "E", let power = Int(String(scalars.dropFirst())) {
      guard (-30...30).contains(power) else { return nil }
      exponent = power
    } else {
      unit = String(scalars).trimmed
      let isUnit = unit.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || $0.properties.isWhitespace || "%°²³./".unicodeScalars.contains($0)
      }
      guard isUnit else { return nil }
    }
  }

  /// The only style in which this number is valid.
  var vote: NumberStyle? {
    guard let last = body.lastIndex(where: { $0 == "." || $0 == "," }) else { return nil }
    let style: NumberStyle = body[last] == "." ? .point : .comma
    let other: NumberStyle = style == .point ? .comma : .point
    if body.contains(".") && body.contains(",") { return style }
    // A sign that occurs several times is a thousands separator.
    if body.filter({ $0 == body[last] }).count > 1 { return other }
    let decimals = body.distance(from: last, to: body.endIndex) - 1
    let whole = body[..<last]
    return decimals == 3 && (1...3).contains(whole.count) && whole != "0" ? nil : style
  }

  func value(_ style: NumberStyle) -> Double? {
    let digits = body.compactMap { character -> Character? in
      switch (character, style) {
      case (".", .point), (",", .comma): "."
      case (".", .comma), (",", .point): nil
      default: character
      }
    }
    guard let number = Double(String(digits) + (exponent == 0 ? "" : "e\(exponent)")), number.isFinite else {
      return nil
    }
    return isNegative ? -number : number
  }
}

extension Double {
  /// With at most three decimals, and without trailing zeros.
  var shortText: String {
    let thousandths = (self * 1_000).rounded()
    guard thousandths.magnitude < 9e15 else { return "\(self)" }
    let number = Int64(thousandths)
    let (whole, rest) = (number.magnitude / 1_000, number.magnitude % 1_000)
    var decimals = String(rest)
    decimals = String(repeating: "0", count: 3 - decimals.count) + decimals
    while decimals.hasSuffix("0") { decimals.removeLast() }
    return "\(number < 0 ? "-" : "")\(whole)\(decimals.isEmpty ? "" : ".\(decimals)")"
  }
}
