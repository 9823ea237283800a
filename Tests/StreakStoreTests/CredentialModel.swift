/// The credentials of one account as a pure model, independent of the store: what each operation
/// does to them, and what it answers.
struct CredentialModel: Hashable, Sendable {
  /// Token pairs of one sign-in, by the numbers of their pairs.
  struct Family: Hashable, Sendable {
    /// The pair of the sign-in.
    var root: UInt8
    var current: UInt8
    var unused: [UInt8] = []
  }

  struct Device: Hashable, Sendable {
    /// Nil: signed out.
    var family: Family?
  }

  enum Request: Hashable, Sendable { case open, approved, denied, completed }

  /// `pair`: the number of the pair that the operation issues.
  enum Operation: Hashable, Sendable {
    case signIn(device: Int, pair: UInt8)
    case recover(code: Int, device: Int, pair: UInt8, password: String)
    case changePassword(device: Int, from: String, to: String, pair: UInt8)
    case refresh(root: UInt8, presented: UInt8, pair: UInt8)
    case signOut(device: Int)
    case signOutAll
    case revoke(device: Int)
    case spendCode(Int)
    case replaceCodes
    case approve
    case deny
    case completeSignIn(device: Int, pair: UInt8)
    case announceDeletion
    case cancelDeletion
    case eraseIfDue
    case erase
    case lock
    case unlock
  }

  enum Answer: Hashable, Sendable {
    case done
    /// The operation does not apply to the state: it changed nothing.
    case refused
    /// There is no account, or none that may be signed in to.
    case missing
  }

  var exists = true
  var isLocked = false
  var password = "p0"
  var devices: [Int: Device]
  var codes: Set<Int>
  var request = Request.open
  var isDeletionAnnounced = false

  /// The state of an erased account.
  private static let erased: CredentialModel = {
    var model = CredentialModel(devices: [:], codes: [])
    model.exists = false
    model.password = ""
    return model
  }()

  init(devices: [Int: Device], codes: Set<Int>) {
    self.devices = devices
    self.codes = codes
  }

  mutating func apply(_ operation: Operation) -> Answer {
    guard exists else {
      switch operation {
      case .signIn, .recover, .completeSignIn, .replaceCodes: return .missing
      case .refresh, .signOut, .signOutAll, .changePassword, .spendCode, .approve, .deny, .revoke: return .refused
      case .announceDeletion, .cancelDeletion, .eraseIfDue, .erase, .lock, .unlock: return .refused
      }
    }
    switch operation {
    case .signIn(let device, let pair):
      guard !isLocked else { return .missing }
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .recover(let code, let device, let pair, let password):
      guard codes.contains(code) else { return .refused }
      guard !isLocked else { return .missing }
      codes.remove(code)
      self.password = password
      for id in devices.keys { devices[id]?.family = nil }
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .changePassword(let device, let from, let to, let pair):
      guard password == from, !isLocked else { return .refused }
      password = to
      for id in devices.keys { devices[id]?.family = nil }
      devices[device]?.family = Family(root: pair, current: pair)
    case .refresh(let root, let presented, let pair):
      guard let id = devices.first(where: { $0.value.family?.root == root })?.key, var family = devices[id]?.family
      else { return .refused }
      guard presented == family.current || family.unused.contains(presented) else {
        devices[id]?.family = nil
        return .refused
      }
      if presented != family.current {
        family.current = presented
        family.unused = []
      }
      if family.unused.count == 4 { family.unused.removeFirst() }
      family.unused.append(pair)
      devices[id]?.family = family
    case .signOut(let device): devices[device]?.family = nil
    case .signOutAll: for id in devices.keys { devices[id]?.family = nil }
    case .revoke(let device):
      guard devices[device] != nil else { return .refused }
      devices[device] = Device(family: nil)
    case .spendCode(let code): return codes.remove(code) == nil ? .refused : .done
    case .replaceCodes: codes = [100, 101]
    case .approve:
      guard request == .open || request == .approved || request == .completed else { return .refused }
      if request == .open { request = .approved }
    case .deny:
      guard request == .open || request == .denied else { return .refused }
      request = .denied
    case .completeSignIn(let device, let pair):
      guard request == .approved else { return .refused }
      guard !isLocked else { return .missing }
      request = .completed
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .announceDeletion: isDeletionAnnounced = true
    case .cancelDeletion:
      guard isDeletionAnnounced else { return .refused }
      isDeletionAnnounced = false
    case .eraseIfDue:
      guard isDeletionAnnounced else { return .refused }
      self = Self.erased
    case .erase: self = Self.erased
    case .lock:
      isLocked = true
      for id in devices.keys { devices[id]?.family = nil }
    case .unlock:
      guard isLocked else { return .refused }
      isLocked = false
    }
    return .done
  }
}

extension Array {
  /// Every order of the elements.
  var permutations: [[Element]] {
    guard count > 1 else { return [self] }
    return indices.flatMap { index in
      var rest = self
      let first = rest.remove(at: index)
      return rest.permutations.map { [first] + $0 }
    }
  }
}
