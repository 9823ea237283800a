/// A bounded cache in two generations. When the younger one is full, it becomes the older one, and
/// the entries of the older one are dropped: those that were not put again meanwhile. A lookup
/// changes nothing.
///
/// The owner confines it to one thread, or locks it.
public struct TwoGenerationCache<Key: Hashable, Value> {
  @usableFromInline
  struct Entry {
    @usableFromInline var value: Value
    @usableFromInline var weight: Int

    @inlinable
    init(value: Value, weight: Int) {
      self.value = value
      self.weight = weight
    }
  }

  // Invariant: each weight is the sum of the weights of its generation's entries. An entry of
  // `young` hides the one of `old` with the same key.
  @usableFromInline var young: [Key: Entry] = [:]
  @usableFromInline var youngWeight = 0
  @usableFromInline var old: [Key: Entry] = [:]
  @usableFromInline var oldWeight = 0

  /// The most weight of one generation.
  public let generationWeightMax: Int

  /// - Parameter generationWeightMax: Of entries of weight 1, their number.
  @inlinable
  public init(generationWeightMax: Int) { self.generationWeightMax = generationWeightMax }

  /// The value of a key, if it is cached.
  @inlinable
  public func value(for key: Key) -> Value? { (young[key] ?? old[key])?.value }

  /// Caches a value. One that is heavier than a generation is not cached.
  @inlinable
  public mutating func put(_ value: Value, for key: Key, weight: Int = 1) {
    guard weight <= generationWeightMax else {
      _ = remove(key)
      return
    }
    if youngWeight + weight > generationWeightMax,
      youngWeight + weight - (young[key]?.weight ?? 0) > generationWeightMax
    {
      (old, oldWeight) = (young, youngWeight)
      young.removeAll(keepingCapacity: true)
      youngWeight = 0
    }
    let previous = young.updateValue(Entry(value: value, weight: weight), forKey: key)
    youngWeight += weight - (previous?.weight ?? 0)
  }

  /// Removes the value of a key.
  @inlinable
  public mutating func remove(_ key: Key) -> Value? {
    let youngEntry = young.removeValue(forKey: key)
    let oldEntry = old.removeValue(forKey: key)
    youngWeight -= youngEntry?.weight ?? 0
    oldWeight -= oldEntry?.weight ?? 0
    return (youngEntry ?? oldEntry)?.value
  }

  public mutating func removeAll() {
    young.removeAll(keepingCapacity: true)
    old.removeAll()
    (youngWeight, oldWeight) = (0, 0)
  }

  /// The weight of all entries, hidden ones included.
  public var weight: Int { youngWeight + oldWeight }

  /// The number of cached keys.
  public var count: Int { young.count + old.keys.count { young[$0] == nil } }
}

extension TwoGenerationCache: Sendable where Key: Sendable, Value: Sendable {}
extension TwoGenerationCache.Entry: Sendable where Key: Sendable, Value: Sendable {}
