import Testing

@testable import StreakLoad

@Suite("Search for the highest rate")
struct RateSearchTests {
  /// A search on a server with the given capacity.
  private func search(_ capacity: Double, from first: Double = 100, to most: Double = 1_000_000) -> RateSearch {
    var search = RateSearch(firstRate: first, rateMax: most)
    while let rate = search.next { search.take(rate: rate, isGood: rate <= capacity) }
    return search
  }

  @Test("finds the server's capacity, to the precision", arguments: [60.0, 100, 101, 737, 5_000, 99_999])
  func finds(capacity: Double) throws {
    let found = search(capacity)
    let best = try #require(found.best)
    #expect(best <= capacity && best >= capacity * 0.94, "\(best) for \(capacity) in \(found.steps)")
    #expect(found.steps.count <= 20)
  }

  @Test("doubles first, then halves the gap")
  func steps() {
    #expect(search(500).steps.map(\.rate) == [100, 200, 400, 800, 600, 500, 550, 525])
  }

  @Test("ends at the largest allowed rate")
  func ceiling() {
    let found = search(.infinity, from: 100, to: 350)
    #expect(found.best == 350 && found.steps.map(\.rate) == [100, 200, 350])
  }

  @Test("a server without capacity has no best rate")
  func nothing() {
    let found = search(0)
    #expect(found.best == nil && found.steps.count == 11 && found.next == nil)
  }

  @Test("a failed step below a successful one counts")
  func noise() {
    var search = RateSearch(firstRate: 100, rateMax: 1_000)
    search.take(rate: 100, isGood: true)
    search.take(rate: 200, isGood: true)
    search.take(rate: 150, isGood: false)
    #expect(search.best == 100 && search.worst == 150)
    search.take(rate: 180, isGood: true)
    #expect(search.best == 100)
  }

  @Test("tries no more steps than allowed")
  func stepsMax() {
    var search = RateSearch(firstRate: 100, rateMax: 1_000_000, precision: 1e-9, stepsMax: 5)
    var count = 0
    while let rate = search.next {
      search.take(rate: rate, isGood: rate < 777)
      count += 1
    }
    #expect(count == 5)
  }
}
