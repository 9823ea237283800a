/// The calls of the interleaving tests, the states that they begin in, and the orders of their
/// steps.
enum CredentialCalls {
  typealias Model = CredentialModel

  static let deviceCount = 3
  /// The links of the beginning states.
  static let (resetLink, verifyLink, takeBackLink): (UInt8, UInt8, UInt8) = (1, 2, 3)

  /// The pair that one of them has issued.
  static let unusedPair: UInt8 = 5

  /// Every kind of call, with values of its own at each place among concurrent ones.
  static func call(_ kind: Int, place: Int) -> Model.Call {
    let (pair, device, number) = (UInt8(10 + place), place % deviceCount, UInt8(20 + 4 * place))
    let newPassword = "p\(place + 1)"
    return switch kind {
    case 0: .reset(link: resetLink, newPassword: newPassword)
    case 1: .signIn(device: device, password: "p0", pair: pair)
    case 2: .changePassword(device: place % 2, password: "p0", newPassword: newPassword, pair: pair)
    case 3: .eraseByPerson(device: 0, password: "p0")
    case 4: .refresh(root: 1, presented: 1, pair: pair)
    case 5: .refresh(root: 1, presented: unusedPair, pair: pair)
    case 6: .use(pair: unusedPair)
    case 7: .recover(code: 0, device: device, pair: pair, newPassword: newPassword)
    case 8: .signOut(device: 0)
    case 9: .signOutAll
    case 10: .revoke(device: 1)
    case 11: .spendCode(0)
    case 12: .makeCodes(device: 1, password: "p0")
    case 13: .approve(device: 0)
    case 14: .deny(device: 1)
    case 15: .completeSignIn(device: 2, pair: pair)
    case 16: .announceDeletion(device: 0, password: "p0")
    case 17: .cancelDeletion
    case 18: .eraseIfDue
    case 19: .eraseByOperator
    case 20: .lock
    case 21: .unlock
    case 22: .requestReset(address: 0, link: number)
    case 23: .requestChange(device: 0, password: "p0", address: 1, link: number + 1)
    case 24: .verifyAddress(link: verifyLink, takeBack: number + 2)
    default: .takeBack(link: takeBackLink, newPassword: newPassword)
    }
  }

  static let kindCount = 26
  /// Reset, sign-in, change of the password, erasure, refresh.
  static let coreKinds = 0..<5
  /// What the holders of one family of tokens do.
  static let tokenKinds = 4..<7

  /// An account with two devices signed in, codes, a request, a link to a new password and one to
  /// another address.
  static var plain: Model {
    var model = Model(
      devices: [
        0: Model.Device(family: .init(root: 1, current: 1)), 1: Model.Device(family: .init(root: 2, current: 2)),
      ], codes: [0: 0, 1: 0, 2: 0])
    model.links = [
      .init(purpose: .reset, number: resetLink, address: 0), .init(purpose: .verify, number: verifyLink, address: 1),
    ]
    return model
  }

  /// What comes before the concurrent calls.
  enum Beginning: CaseIterable, Sendable {
    case plain
    /// A request is approved, a deletion announced, and a pair of tokens issued that was not used.
    case approved
    /// The address was changed: the former one can take the account back.
    case changed

    var calls: [Model.Call] {
      switch self {
      case .plain: []
      case .approved:
        [
          .approve(device: 0), .announceDeletion(device: 0, password: "p0"),
          .refresh(root: 1, presented: 1, pair: unusedPair),
        ]
      case .changed:
        [
          .verifyAddress(link: verifyLink, takeBack: takeBackLink), .requestReset(address: 1, link: resetLink),
          .requestChange(device: 0, password: "p0", address: 0, link: verifyLink), .approve(device: 0),
          .announceDeletion(device: 0, password: "p0"),
        ]
      }
    }

    var state: Model {
      var model = CredentialCalls.plain
      for call in calls { _ = model.apply(call) }
      return model
    }
  }

  /// A step of the call at a place.
  enum Step: Hashable, Sendable {
    case begin(Int)
    case finish(Int)
  }

  /// Every order of the steps of so many calls, in which each begins before it finishes.
  static func schedules(_ count: Int) -> [[Step]] {
    func orders(_ open: [Int], _ waiting: [Int]) -> [[Step]] {
      if open.isEmpty && waiting.isEmpty { return [[]] }
      return waiting.flatMap { place in
        orders(open + [place], waiting.filter { $0 != place }).map { [.begin(place)] + $0 }
      }
        + open.flatMap { place in orders(open.filter { $0 != place }, waiting).map { [.finish(place)] + $0 } }
    }
    return orders([], Array(0..<count))
  }

  /// Those orders without those that differ only in the order of first steps, which change nothing,
  /// and without those in which each call ends before the next one begins.
  static func distinctSchedules(_ count: Int) -> [[Step]] {
    var seen: Set<[Set<Step>]> = []
    return schedules(count).filter { schedule in
      var groups: [Set<Step>] = [[]]
      for step in schedule {
        if case .finish = step { groups += [[step], []] } else { groups[groups.count - 1].insert(step) }
      }
      let isSerial = groups.allSatisfy { $0.count <= 1 }
      return seen.insert(groups).inserted && !isSerial
    }
  }

  /// Every choice of so many kinds, with repetitions, that holds one of `needed`.
  static func choices(_ count: Int, of kinds: Range<Int>, with needed: Range<Int>) -> [[Int]] {
    func choose(_ count: Int, from first: Int) -> [[Int]] {
      guard count > 0 else { return [[]] }
      return (first..<kinds.upperBound).flatMap { kind in choose(count - 1, from: kind).map { [kind] + $0 } }
    }
    return choose(count, from: kinds.lowerBound).filter { $0.contains { needed.contains($0) } }
  }

  /// What a run leaves: the answers by place, without those of calls to be sent again, and the
  /// state.
  struct Outcome: Hashable {
    var answers: [Int: Model.Answer]
    var state: Model

    init(_ answers: [Int: Model.Answer], _ state: Model) {
      self.answers = answers.filter { $0.value != .conflict }
      self.state = state.withoutDeadLinks
    }
  }

  /// The outcomes of all orders of some of the calls, one after the other.
  static func serialOutcomes(_ calls: [Model.Call], from start: Model) -> Set<Outcome> {
    var outcomes: Set<Outcome> = []
    for chosen in 0..<(1 << calls.count) {
      let places = calls.indices.filter { chosen & 1 << $0 != 0 }
      for order in places.permutations {
        var (state, answers) = (start, [Int: Model.Answer]())
        for place in order { answers[place] = state.apply(calls[place]) }
        outcomes.insert(Outcome(answers, state))
      }
    }
    return outcomes
  }

  /// The outcome of one order of steps in the model.
  static func outcome(_ calls: [Model.Call], _ schedule: [Step], from start: Model) -> (Outcome, [Int: Model.Answer]) {
    var (state, answers, seen) = (start, [Int: Model.Answer](), [Int: Model]())
    for step in schedule {
      switch step {
      case .begin(let place):
        seen[place] = state
        answers[place] = state.begin(calls[place])
      case .finish(let place):
        guard answers[place] == nil, let read = seen[place] else { continue }
        answers[place] = state.finish(calls[place], seen: read)
      }
    }
    return (Outcome(answers, state), answers)
  }
}
