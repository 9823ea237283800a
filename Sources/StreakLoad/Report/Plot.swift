internal import Glibc

/// A line chart as inline SVG, without scripts, fonts and external resources. Colours are the
/// page's variables `--s0` to `--s6`.
struct Plot {
  struct Series {
    var name: String
    /// The number of the page's colour.
    var color: Int
    var points: [(x: Double, y: Double)]
    var isDashed = false
  }

  enum Scale {
    case linear
    /// Values of 0 and less are left out.
    case log
    /// Percentiles; each further 9 has the same width.
    case nines
  }

  var title: String
  var series: [Series]
  var xScale = Scale.linear
  var yScale = Scale.linear
  /// The format of values.
  var xText: (Double) -> String
  var yText: (Double) -> String
  var width = 900.0
  var height = 260.0

  private static let (left, right, top, bottom) = (70.0, 20.0, 14.0, 30.0)
  /// A percentile with more nines is drawn at the edge.
  private static let ninesMax = 7.0

  /// The chart, with its title and legend.
  var html: String {
    let drawn = series.filter { !$0.points.isEmpty }
    guard !drawn.isEmpty else { return "" }
    let legend =
      drawn.count < 2
      ? ""
      : "<ul class=\"legend\">"
        + drawn.map { "<li><i style=\"background:var(--s\($0.color))\"></i>\(HTML.escaped($0.name))</li>" }.joined()
        + "</ul>"
    return "<figure><figcaption>\(HTML.escaped(title))</figcaption>\(legend)\(svg(drawn))</figure>\n"
  }

  private func svg(_ drawn: [Series]) -> String {
    let points = drawn.flatMap(\.points)
    let xs = points.map { position($0.x, xScale) }
    let ys = points.filter { yScale != .log || $0.y > 0 }.map { position($0.y, yScale) }
    // Linear scales begin at 0 or below, so that charts of the same time align.
    let xMin = xScale == .linear ? min(0, xs.min() ?? 0) : xs.min() ?? 0
    let xMax = max(xs.max() ?? 1, xMin + 1e-9)
    let yTicks = ticks(ys.min() ?? 0, ys.max() ?? 1, yScale)
    let (yMin, yMax) = (yTicks.first ?? 0, yTicks.last ?? 1)
    func px(_ x: Double) -> Double {
      Self.left + (position(x, xScale) - xMin) / (xMax - xMin) * (width - Self.left - Self.right)
    }
    func py(_ place: Double) -> Double {
      height - Self.bottom - (place - yMin) / max(yMax - yMin, 1e-9) * (height - Self.top - Self.bottom)
    }
    var parts: [String] = []
    for tick in yTicks {
      let y = Decimals.text(py(tick), 1)
      parts.append("<path class=\"grid\" d=\"M\(Self.left) \(y)H\(width - Self.right)\"/>")
      parts.append(
        "<text class=\"y\" x=\"\(Self.left - 8)\" y=\"\(y)\">\(HTML.escaped(yText(value(tick, yScale))))</text>")
    }
    for tick in xTicks(xMin, xMax) {
      let x = Decimals.text(px(tick), 1)
      parts.append("<path class=\"tick\" d=\"M\(x) \(height - Self.bottom)v4\"/>")
      parts.append("<text class=\"x\" x=\"\(x)\" y=\"\(height - 10)\">\(HTML.escaped(xText(tick)))</text>")
    }
    parts.append("<path class=\"axis\" d=\"M\(Self.left) \(height - Self.bottom)H\(width - Self.right)\"/>")
    for one in drawn {
      let visible = one.points.filter { yScale != .log || $0.y > 0 }
      let path = visible.enumerated().map { index, point in
        "\(index == 0 ? "M" : "L")\(Decimals.text(px(point.x), 1)) \(Decimals.text(py(position(point.y, yScale)), 1))"
      }.joined()
      let dash = one.isDashed ? " stroke-dasharray=\"5 4\"" : ""
      parts.append("<path class=\"line\" style=\"stroke:var(--s\(one.color))\"\(dash) d=\"\(path)\"/>")
      guard !one.isDashed else { continue }
      for point in visible {
        let (x, y) = (Decimals.text(px(point.x), 1), Decimals.text(py(position(point.y, yScale)), 1))
        let title = "\(one.name): \(yText(point.y)) at \(xText(point.x))"
        parts.append(
          "<circle class=\"dot\(visible.count == 1 ? " alone" : "")\" style=\"fill:var(--s\(one.color))\" cx=\"\(x)\" cy=\"\(y)\" r=\"4\"><title>\(HTML.escaped(title))</title></circle>"
        )
      }
    }
    return
      "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" aria-label=\"\(HTML.escaped(title))\">\(parts.joined())</svg>"
  }

  /// A value's position on a scale of equal steps.
  private func position(_ value: Double, _ scale: Scale) -> Double {
    switch scale {
    case .linear: value
    case .log: log10(max(value, 1e-12))
    case .nines: value >= 100 ? Self.lastNine(series) : min(-log10(1 - value / 100), Self.ninesMax)
    }
  }

  /// 100 per cent is drawn at the position of the highest percentile below it.
  private static func lastNine(_ series: [Series]) -> Double {
    let below = series.flatMap(\.points).map(\.x).filter { $0 < 100 }.max() ?? 0
    return min(-log10(1 - below / 100) + 0.05, ninesMax)
  }

  private func value(_ position: Double, _ scale: Scale) -> Double { scale == .log ? pow(10, position) : position }

  private func xTicks(_ least: Double, _ most: Double) -> [Double] {
    switch xScale {
    case .nines:
      return [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter { position($0, .nines) <= most + 1e-9 }
    case .linear, .log:
      return Self.linearTicks(least, most, 10).filter { $0 >= least - 1e-9 && $0 <= most + 1e-9 }
    }
  }

  /// From the last tick below the values to the first above them, as positions.
  private func ticks(_ least: Double, _ most: Double, _ scale: Scale) -> [Double] {
    guard scale == .log else { return Self.linearTicks(0, max(most, 1e-9), 5) }
    // Decades, and for a small range also their halves and fifths.
    let wide = most - least > 3
    var ticks: [Double] = []
    for decade in Int(least.rounded(.down))...Int(most.rounded(.up)) {
      for part in wide ? [1.0] : [1, 2, 5] { ticks.append(Double(decade) + log10(part)) }
    }
    let first = ticks.lastIndex { $0 <= least + 1e-9 } ?? 0
    let last = ticks.firstIndex { $0 >= most - 1e-9 } ?? ticks.count - 1
    return Array(ticks[first...max(last, first + 1)])
  }

  /// About `count` round numbers that enclose the values.
  static func linearTicks(_ least: Double, _ most: Double, _ count: Int) -> [Double] {
    let span = max(most - least, 1e-9)
    let raw = span / Double(count)
    let magnitude = pow(10, log10(raw).rounded(.down))
    let step = [1.0, 2, 5, 10].first { $0 * magnitude >= raw - 1e-12 }.map { $0 * magnitude } ?? raw
    var ticks: [Double] = []
    var tick = (least / step).rounded(.down) * step
    while tick < most - 1e-9 * step, ticks.count < 4 * count {
      ticks.append(tick)
      tick += step
    }
    return ticks.isEmpty ? [tick, tick + step] : ticks + [tick]
  }
}

enum HTML {
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: if scalar.value >= 0x20 || scalar == "\n" { result.unicodeScalars.append(scalar) } else { result += "?" }
      }
    }
    return result
  }
}
