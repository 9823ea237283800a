internal import SplitMix

/// The kinds of journeys.
package enum JourneyKind: String, Sendable, CaseIterable {
  /// `Health/Check`, the smallest possible call, for comparing load clients.
  case check
  /// `GetStreak`; the number of days must match the acknowledgements.
  case read
  /// `RecordCompletion` with a new note for today.
  case record
  /// `Sync` of a few operations; each must be applied, and be among the returned changes.
  case sync
  /// `Watch` on one device until the hint for another device's `RecordCompletion`.
  case watch
  /// `StartSession`, then `SignUp` with the session's data, then `ListStreaks`.
  case signUp = "sign-up"
  /// `Export` of everything; its counts must match the acknowledgements.
  case export

  /// The index in `allCases`.
  var index: Int {
    switch self {
    case .check: 0
    case .read: 1
    case .record: 2
    case .sync: 3
    case .watch: 4
    case .signUp: 5
    case .export: 6
    }
  }

  /// Whether it needs a person of the population.
  var needsPerson: Bool { self != .check && self != .signUp }
}

/// The share of each journey.
package struct JourneyMix: Sendable, Equatable, CustomStringConvertible {
  /// Weights above 0, in the order of `JourneyKind`.
  package let weights: [(kind: JourneyKind, weight: Int)]
  private let total: Int

  /// Largest weight.
  package static let weightMax = 1_000_000

  /// Reads text such as `read=60,record=25,sync=15`.
  /// - Returns: nil for unknown or repeated names, weights that are no numbers from 0 to
  ///   `weightMax`, or if no weight is above 0.
  package init?(parsing text: String) {
    var found: [JourneyKind: Int] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, let kind = JourneyKind(rawValue: String(sides[0])), found[kind] == nil,
        let weight = Int(sides[1]), (0...Self.weightMax).contains(weight)
      else { return nil }
      found[kind] = weight
    }
    weights = JourneyKind.allCases.compactMap { kind in
      found[kind].flatMap { $0 > 0 ? (kind, $0) : nil }
    }
    total = weights.reduce(0) { $0 + $1.weight }
    guard total > 0 else { return nil }
  }

  package var description: String { weights.map { "\($0.kind.rawValue)=\($0.weight)" }.joined(separator: ",") }

  package static func == (left: Self, right: Self) -> Bool { left.description == right.description }

  func contains(_ kind: JourneyKind) -> Bool { weights.contains { $0.kind == kind } }

  /// Draws a journey.
  func draw(_ randomness: inout SplitMix64) -> JourneyKind {
    var place = randomness.index(below: total)
    for (kind, weight) in weights {
      guard place >= weight else { return kind }
      place -= weight
    }
    return weights[0].kind
  }
}
