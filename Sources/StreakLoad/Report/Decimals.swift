/// Numbers in text reports.
enum Decimals {
  /// With this number of decimals.
  static func text(_ number: Double, _ decimals: Int, trimsZeros: Bool = false) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "-" }
    let factor = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
    let scaled = Int64((abs(number) * factor).rounded())
    var text = "\(scaled / Int64(factor))"
    if decimals > 0 {
      let rest = "\(scaled % Int64(factor))"
      text += "." + String(repeating: "0", count: decimals - rest.count) + rest
      while trimsZeros, text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return number < 0 && scaled > 0 ? "-" + text : text
  }

  /// With three significant digits.
  static func short(_ number: Double, trimsZeros: Bool = false) -> String {
    let size = abs(number)
    let decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4
    return text(number, decimals, trimsZeros: trimsZeros)
  }

  /// With commas between groups of three digits.
  static func grouped(_ number: Int) -> String {
    let digits = Array("\(abs(number))")
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// A duration in nanoseconds.
  static func duration(_ nanoseconds: Double, trimsZeros: Bool = false) -> String {
    switch abs(nanoseconds) {
    case 1e9...: "\(short(nanoseconds / 1e9, trimsZeros: trimsZeros)) s"
    case 1e6...: "\(short(nanoseconds / 1e6, trimsZeros: trimsZeros)) ms"
    default: "\(short(nanoseconds / 1e3, trimsZeros: trimsZeros)) us"
    }
  }
}
