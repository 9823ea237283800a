import Admin
import Testing

@Suite("Exposition")
struct ExpositionTests {
  @Test("a family has its help and type once, before its samples")
  func family() {
    var exposition = Exposition()
    exposition.add(
      "calls_total", .counter, "Calls.",
      [.init([("method", "A"), ("code", "OK")], 3), .init([("method", "B"), ("code", "OK")], 0.5)])
    exposition.add("ready", .gauge, "Ready.", 1)
    #expect(
      exposition.text == """
        # HELP calls_total Calls.
        # TYPE calls_total counter
        calls_total{method="A",code="OK"} 3
        calls_total{method="B",code="OK"} 0.5
        # HELP ready Ready.
        # TYPE ready gauge
        ready 1

        """)
  }

  @Test("backslashes, quotes and line feeds are escaped in label values, quotes not in help")
  func escaping() {
    var exposition = Exposition()
    exposition.add("m", .gauge, "a\\b\"c\nd", [.init([("l", "a\\b\"c\nd\u{e9}\r\n")], 1)])
    #expect(
      exposition.text
        == #"# HELP m a\\b"c\nd"# + "\n# TYPE m gauge\n" + #"m{l="a\\b\"c\nd"# + "\u{e9}\r" + #"\n"} 1"# + "\n")
  }

  @Test("buckets are cumulative and end with +Inf, which equals the count")
  func histogram() {
    var exposition = Exposition()
    exposition.beginHistogram("h", "H.")
    exposition.addHistogram("h", [("x", "y")], borders: [0.00025, 1], counts: [2, 0, 5], sum: 60.25)
    #expect(
      exposition.text == """
        # HELP h H.
        # TYPE h histogram
        h_bucket{x="y",le="0.00025"} 2
        h_bucket{x="y",le="1"} 2
        h_bucket{x="y",le="+Inf"} 7
        h_sum{x="y"} 60.25
        h_count{x="y"} 7

        """)
  }

  @Test("a summary has a sum and a count")
  func summary() {
    var exposition = Exposition()
    exposition.beginSummary("s", "S.")
    exposition.addSummary("s", [], sum: 0.25, count: 2)
    #expect(exposition.text == "# HELP s S.\n# TYPE s summary\ns_sum 0.25\ns_count 2\n")
  }

  @Test(
    "numbers are written so that they can be parsed back",
    arguments: [
      (0.0, "0"), (-3, "-3"), (1e15, "1000000000000000"), (1e300, "1e+300"), (1.5e-7, "1.5e-07"), (.infinity, "+Inf"),
      (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
  func figures(value: Double, text: String) {
    var exposition = Exposition()
    exposition.add("m", .gauge, "", [.init([], value)])
    #expect(exposition.text.hasSuffix("\nm \(text)\n"))
  }
}
