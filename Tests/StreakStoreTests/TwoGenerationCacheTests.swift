import SplitMix
import StreakStore
import Testing

@Suite("Cache of two generations")
struct TwoGenerationCacheTests {
  @Test("a generation holds as many entries as the limit; one more begins another, and the third drops the first")
  func generations() {
    var cache = TwoGenerationCache<Int, String>(generationWeightMax: 2)
    for key in 0..<4 { cache.put("\(key)", for: key) }
    #expect((0..<4).map { cache.value(for: $0) } == ["0", "1", "2", "3"] && cache.count == 4)
    cache.put("4", for: 4)
    #expect((0..<5).map { cache.value(for: $0) } == [nil, nil, "2", "3", "4"] && cache.count == 3)
  }

  @Test("an entry that is put again stays, and its new value hides the old one")
  func renewal() {
    var cache = TwoGenerationCache<Int, String>(generationWeightMax: 2)
    for key in 0..<3 { cache.put("\(key)", for: key) }
    cache.put("again", for: 0)
    #expect(cache.value(for: 0) == "again" && cache.count == 3)
    // A full generation takes a new value of one of its keys.
    cache.put("once more", for: 0)
    #expect(cache.value(for: 0) == "once more" && cache.value(for: 1) == "1")
    cache.put("3", for: 3)
    #expect(cache.value(for: 0) == "once more" && cache.value(for: 1) == nil && cache.value(for: 2) == "2")
  }

  @Test("weights fill a generation; one at the limit is cached, one past it is not, and its old value goes")
  func weights() {
    var cache = TwoGenerationCache<Int, String>(generationWeightMax: 10)
    cache.put("light", for: 0, weight: 4)
    cache.put("lighter", for: 0, weight: 3)
    cache.put("seven", for: 1, weight: 7)
    #expect(cache.weight == 10 && cache.value(for: 0) == "lighter")
    cache.put("all", for: 2, weight: 10)
    #expect(cache.weight == 20 && cache.value(for: 1) == "seven" && cache.value(for: 2) == "all")
    cache.put("too heavy", for: 2, weight: 11)
    #expect(cache.value(for: 2) == nil && cache.weight == 10)
  }

  @Test("a removed entry is gone from both generations")
  func removal() {
    var cache = TwoGenerationCache<Int, String>(generationWeightMax: 1)
    cache.put("old", for: 0)
    cache.put("other", for: 1)
    cache.put("new", for: 0)
    #expect(cache.remove(0) == "new" && cache.value(for: 0) == nil && cache.value(for: 1) == "other")
    #expect(cache.remove(0) == nil && cache.weight == 1)
    cache.removeAll()
    #expect(cache.count == 0 && cache.weight == 0)
  }

  @Test("under any calls a value is the last one put, and the weight is bounded", arguments: UInt64(0)..<20)
  func model(seed: UInt64) {
    var randomness = SplitMix64(seed: seed)
    var cache = TwoGenerationCache<Int, Int>(generationWeightMax: 20)
    var last: [Int: Int] = [:]
    for step in 0..<2_000 {
      let key = Int.random(in: 0..<12, using: &randomness)
      if Int.random(in: 0..<8, using: &randomness) == 0 {
        let removed = cache.remove(key)
        #expect(removed == nil || removed == last[key])
        last[key] = nil
      } else {
        let weight = Int.random(in: 1...8, using: &randomness)
        cache.put(step, for: key, weight: weight)
        last[key] = step
        #expect(cache.value(for: key) == step)
      }
      for key in 0..<12 { #expect(cache.value(for: key) == nil || cache.value(for: key) == last[key]) }
      #expect((0...40).contains(cache.weight))
    }
  }
}
