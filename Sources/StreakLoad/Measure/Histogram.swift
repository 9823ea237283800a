/// Counts values in buckets whose width grows with the value, so that every value keeps the same
/// number of decimal digits.
///
/// The bucket layout is HdrHistogram's, so that its tools can read `encoded()`. Source:
/// hdrhistogram.org; the reference implementation is `org.HdrHistogram.Histogram`. Recording costs
/// a few instructions and never allocates.
struct Histogram: Equatable, Sendable {
  /// The smallest value that differs from 0.
  let lowest: Int64
  /// Larger values are counted as this one.
  let highest: Int64
  /// Significant decimal digits of a value.
  let digits: Int
  private let unitMagnitude: Int
  private let halfCountMagnitude: Int
  private let halfCount: Int
  private let mask: Int64
  private var counts: [Int64]
  private(set) var count: Int64 = 0
  private(set) var minimum = Int64.max
  private(set) var maximum: Int64 = 0
  private(set) var sum: Int64 = 0
  /// Values that were larger than `highest`.
  private(set) var clampedCount: Int64 = 0

  /// For latencies in nanoseconds, up to an hour.
  static func ofLatencies(digits: Int = 3) -> Histogram {
    Histogram(lowest: 1, highest: 3_600_000_000_000, digits: digits)
  }

  /// - Parameters:
  ///   - highest: At least twice `lowest`.
  ///   - digits: 1 to 5.
  init(lowest: Int64, highest: Int64, digits: Int) {
    precondition(lowest >= 1 && highest >= 2 * lowest && (1...5).contains(digits), "no such histogram")
    self.lowest = lowest
    self.highest = highest
    self.digits = digits
    // The largest value, in units, that is exact to the unit.
    let exactMax = (0..<digits).reduce(2) { product, _ in product * 10 }
    let countMagnitude = Int.bitWidth - (exactMax - 1).leadingZeroBitCount
    unitMagnitude = Int64.bitWidth - 1 - lowest.leadingZeroBitCount
    halfCountMagnitude = max(countMagnitude, 1) - 1
    halfCount = 1 << halfCountMagnitude
    mask = Int64(2 * halfCount - 1) << Int64(unitMagnitude)
    var bucketCount = 1
    var untrackable = Int64(2 * halfCount) << Int64(unitMagnitude)
    while untrackable <= highest {
      bucketCount += 1
      guard untrackable <= Int64.max / 2 else { break }
      untrackable <<= 1
    }
    counts = Array(repeating: 0, count: (bucketCount + 1) * halfCount)
  }

  /// Counts a value; a negative one counts as 0.
  mutating func record(_ value: Int64) {
    var value = max(0, value)
    if value > highest {
      value = highest
      clampedCount += 1
    }
    counts[index(of: value)] += 1
    count += 1
    sum &+= value
    if value < minimum { minimum = value }
    if value > maximum { maximum = value }
  }

  /// Adds the counts of another histogram of the same shape.
  mutating func add(_ other: Histogram) {
    precondition(
      other.counts.count == counts.count && other.lowest == lowest && other.digits == digits, "another shape")
    guard other.count > 0 else { return }
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    sum &+= other.sum
    clampedCount += other.clampedCount
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
  }

  /// Removes all counts, and keeps the memory.
  mutating func removeAll() {
    guard count > 0 else { return }
    for index in counts.indices { counts[index] = 0 }
    (count, sum, clampedCount, minimum, maximum) = (0, 0, 0, .max, 0)
  }

  /// The mean; 0 without values.
  var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

  /// The largest value that falls into the same bucket as the smallest one that `percentile` per
  /// cent of all values do not exceed. 0 without values.
  func value(atPercentile percentile: Double) -> Int64 {
    guard count > 0 else { return 0 }
    // Slightly less than requested: 99.9 % of 1,000 are 999 values, independent of rounding.
    let rank = max(1, Int64((min(percentile, 100).nextDown * Double(count) / 100).rounded(.up)))
    var total: Int64 = 0
    for index in counts.indices where counts[index] > 0 {
      total += counts[index]
      if total >= rank { return highestEquivalent(at: index) }
    }
    return maximum
  }

  /// Non-empty buckets: their largest value and their count, in order.
  var filled: [(value: Int64, count: Int64)] {
    counts.indices.filter { counts[$0] > 0 }.map { (highestEquivalent(at: $0), counts[$0]) }
  }

  private func bucketIndex(of value: Int64) -> Int {
    Int64.bitWidth - (value | mask).leadingZeroBitCount - unitMagnitude - (halfCountMagnitude + 1)
  }

  private func index(of value: Int64) -> Int {
    let bucket = bucketIndex(of: value)
    let place = Int(value >> Int64(bucket + unitMagnitude))
    return ((bucket + 1) << halfCountMagnitude) + place - halfCount
  }

  private func lowestEquivalent(at index: Int) -> (value: Int64, width: Int64) {
    var bucket = (index >> halfCountMagnitude) - 1
    var place = (index & (halfCount - 1)) + halfCount
    if bucket < 0 {
      place -= halfCount
      bucket = 0
    }
    let shift = Int64(bucket + unitMagnitude)
    return (Int64(place) << shift, 1 << shift)
  }

  private func highestEquivalent(at index: Int) -> Int64 {
    let (value, width) = lowestEquivalent(at: index)
    return value + width - 1
  }
}

extension Histogram {
  /// HdrHistogram's interchange format, version 2, compressed and in base64: its tools and
  /// libraries read it.
  func encoded() -> [UInt8] {
    var payload: [UInt8] = []
    let end = counts.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 0
    var index = 0
    while index < end {
      var zeros: Int64 = 0
      while index < end, counts[index] == 0 {
        zeros += 1
        index += 1
      }
      if zeros > 0 { Self.append(-zeros, to: &payload) }
      guard index < end else { break }
      Self.append(counts[index], to: &payload)
      index += 1
    }
    var plain: [UInt8] = []
    Self.append(Self.plainCookie, to: &plain)
    Self.append(UInt32(payload.count), to: &plain)
    Self.append(UInt32(0), to: &plain)  // normalising index offset
    Self.append(UInt32(digits), to: &plain)
    Self.append(UInt64(lowest), to: &plain)
    Self.append(UInt64(highest), to: &plain)
    Self.append(Double(1).bitPattern, to: &plain)  // conversion ratio of integers to doubles
    plain += payload
    let packed = Zlib.stored(plain)
    var result: [UInt8] = []
    Self.append(Self.compressedCookie, to: &result)
    Self.append(UInt32(packed.count), to: &result)
    return result + packed
  }

  private static let plainCookie: UInt32 = 0x1c84_9313
  private static let compressedCookie: UInt32 = 0x1c84_9314

  private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
    unsafe withUnsafeBytes(of: number.bigEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  /// ZigZag and LEB128; the ninth byte holds eight bits.
  private static func append(_ number: Int64, to bytes: inout [UInt8]) {
    var rest = UInt64(bitPattern: (number << 1) ^ (number >> 63))
    for _ in 0..<8 {
      guard rest > 0x7F else { return bytes.append(UInt8(rest)) }
      bytes.append(UInt8(truncatingIfNeeded: rest & 0x7F | 0x80))
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}

/// zlib's format (RFC 1950) without compression: every reader of histograms unpacks it, and ours
/// are small.
enum Zlib {
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let count = min(bytes.count - start, 65_535)
      let isLast: UInt8 = start + count == bytes.count ? 1 : 0
      let (low, high) = (UInt8(count & 0xFF), UInt8(count >> 8))
      result += [isLast, low, high, ~low, ~high]
      result += bytes[start..<start + count]
      start += count
    } while start < bytes.count
    var (first, second): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      first = (first + UInt32(byte)) % 65_521
      second = (second + first) % 65_521
    }
    unsafe withUnsafeBytes(of: (second << 16 | first).bigEndian) { unsafe result.append(contentsOf: $0) }
    return result
  }
}
