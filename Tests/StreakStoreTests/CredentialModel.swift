/// The credentials of one account as a pure model, independent of the store: what each call does to
/// them, and what it answers.
///
/// A call has two steps, as in the services: `begin` is all that it reads and verifies, which may
/// take as long as an Argon2id hash; `finish` is the transaction that changes something. Other
/// calls' steps come in between.
struct CredentialModel: Hashable, Sendable {
  /// Token pairs of one sign-in, by the numbers of their pairs.
  struct Family: Hashable, Sendable {
    /// The pair of the sign-in.
    var root: UInt8
    var current: UInt8
    /// The pair whose access token still works beside the current one.
    var previous: UInt8?
    var unused: [UInt8] = []

    mutating func makeCurrent(_ pair: UInt8) { (previous, current, unused) = (current, pair, []) }
  }

  struct Device: Hashable, Sendable {
    /// Nil: signed out.
    var family: Family?
    /// Its next sign-in is no stranger's.
    var isKnown = true
  }

  /// A request of another device to be signed in.
  enum Request: Hashable, Sendable { case open, approved, denied, completed }

  /// What a mail's link does. The number is its secret; `address` is one of the account's
  /// addresses.
  struct Link: Hashable, Sendable {
    enum Purpose: Hashable, Sendable { case reset, verify, takeBack }
    var purpose: Purpose
    var number: UInt8
    var address: Int
  }

  /// `pair`: the number of the pair that the call issues. `password`: what the caller types as the
  /// present one. `device`: the one that calls, or that signs in.
  enum Call: Hashable, Sendable {
    case signIn(device: Int, password: String, pair: UInt8)
    case recover(code: Int, device: Int, pair: UInt8, newPassword: String)
    case changePassword(device: Int, password: String, newPassword: String, pair: UInt8)
    case refresh(root: UInt8, presented: UInt8, pair: UInt8)
    /// A call with the access token of a pair.
    case use(pair: UInt8)
    case signOut(device: Int)
    case signOutAll
    case revoke(device: Int)
    case spendCode(Int)
    case makeCodes(device: Int, password: String)
    case approve(device: Int)
    case deny(device: Int)
    case completeSignIn(device: Int, pair: UInt8)
    case announceDeletion(device: Int, password: String)
    case cancelDeletion
    case eraseIfDue
    case eraseByPerson(device: Int, password: String)
    case eraseByOperator
    case lock
    case unlock
    case requestReset(address: Int, link: UInt8)
    case reset(link: UInt8, newPassword: String)
    case requestChange(device: Int, password: String, address: Int, link: UInt8)
    case verifyAddress(link: UInt8, takeBack: UInt8)
    case takeBack(link: UInt8, newPassword: String)
  }

  enum Answer: Hashable, Sendable {
    case done
    /// The call does not apply to the state: it changed nothing.
    case refused
    /// There is no account, or none that may be signed in to.
    case missing
    /// Another call was in between: the caller sends it again. It changed nothing.
    case conflict
  }

  /// The codes that `makeCodes` makes.
  static let newCodes = [100, 101]

  var exists = true
  var isLocked = false
  var password = "p0"
  var devices: [Int: Device]
  /// The device on which each unused code was made.
  var codes: [Int: Int]
  var request = Request.open
  var isDeletionAnnounced = false
  var address = 0
  /// Former addresses that can be taken back.
  var reserved: Set<Int> = []
  var links: Set<Link> = []

  /// The state of an erased account.
  static let erased: CredentialModel = {
    var model = CredentialModel(devices: [:], codes: [:])
    model.exists = false
    model.password = ""
    return model
  }()

  init(devices: [Int: Device], codes: [Int: Int]) {
    self.devices = devices
    self.codes = codes
  }

  private func isSignedIn(_ device: Int) -> Bool { devices[device]?.family != nil }

  private func link(_ number: UInt8, _ purpose: Link.Purpose) -> Link? {
    links.first { $0.number == number && $0.purpose == purpose }
  }

  /// The first step.
  ///
  /// - Returns: The refusal, if the call ends with it.
  func begin(_ call: Call) -> Answer? {
    switch call {
    case .signIn(_, let password, _):
      guard exists else { return .missing }
      guard self.password == password else { return .refused }
      return isLocked ? .missing : nil
    case .recover(let code, _, _, _):
      guard exists else { return .missing }
      guard codes[code] != nil else { return .refused }
      return isLocked ? .missing : nil
    case .changePassword(let device, let password, _, _), .makeCodes(let device, let password),
      .announceDeletion(let device, let password), .eraseByPerson(let device, let password),
      .requestChange(let device, let password, _, _):
      guard exists else { return .missing }
      return isSignedIn(device) && self.password == password ? nil : .refused
    case .reset(let number, _): return link(number, .reset) == nil ? .refused : nil
    case .takeBack(let number, _): return link(number, .takeBack) == nil ? .refused : nil
    default: return nil
    }
  }

  /// Both steps at once.
  mutating func apply(_ call: Call) -> Answer {
    let seen = self
    return seen.begin(call) ?? finish(call, seen: seen)
  }

  /// The second step.
  ///
  /// - Parameter seen: The state that the first step read.
  mutating func finish(_ call: Call, seen: CredentialModel) -> Answer {
    switch call {
    case .signIn(let device, _, let pair):
      // The password is verified again, if it was replaced.
      if let refusal = begin(call) { return refusal }
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .recover(let code, let device, let pair, let newPassword):
      if let refusal = begin(call) { return refusal }
      codes[code] = nil
      replacePassword(by: newPassword)
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .changePassword(let device, _, let newPassword, let pair):
      guard exists, !isLocked, password == seen.password, isSignedIn(device) else { return .conflict }
      replacePassword(by: newPassword)
      devices[device]?.family = Family(root: pair, current: pair)
      codes = codes.filter { $0.value == device }
    case .refresh(let root, let presented, let pair):
      guard let id = devices.first(where: { $0.value.family?.root == root })?.key, var family = devices[id]?.family
      else { return .refused }
      guard presented == family.current || family.unused.contains(presented) else {
        devices[id]?.family = nil
        return .refused
      }
      if presented != family.current { family.makeCurrent(presented) }
      if family.unused.count == 4 { family.unused.removeFirst() }
      family.unused.append(pair)
      devices[id]?.family = family
    case .use(let pair):
      for (id, device) in devices {
        guard var family = device.family else { continue }
        if pair == family.current || pair == family.previous { return .done }
        guard family.unused.contains(pair) else { continue }
        family.makeCurrent(pair)
        devices[id]?.family = family
        return .done
      }
      return .refused
    case .signOut(let device):
      // Of an erased account as well: it asks for an end, and that is there.
      if exists { devices[device]?.family = nil }
    case .signOutAll:
      if exists { endTokens() }
    case .revoke(let device):
      guard devices[device] != nil else { return .refused }
      devices[device] = Device(family: nil, isKnown: false)
      denyRequest()
    case .spendCode(let code): return codes.removeValue(forKey: code) == nil ? .refused : .done
    case .makeCodes(let device, _):
      if let refusal = unproven(call, seen) { return refusal }
      codes = Dictionary(uniqueKeysWithValues: Self.newCodes.map { ($0, device) })
    case .approve(let device):
      guard isSignedIn(device), [.open, .approved, .completed].contains(request) else { return .refused }
      if request == .open { request = .approved }
    case .deny(let device):
      guard isSignedIn(device), request == .open || request == .denied else { return .refused }
      request = .denied
    case .completeSignIn(let device, let pair):
      guard exists else { return .missing }
      guard request == .approved else { return .refused }
      guard !isLocked else { return .missing }
      request = .completed
      devices[device] = Device(family: Family(root: pair, current: pair))
    case .announceDeletion:
      if let refusal = unproven(call, seen) { return refusal }
      isDeletionAnnounced = true
    case .cancelDeletion:
      guard isDeletionAnnounced else { return .refused }
      isDeletionAnnounced = false
    case .eraseIfDue:
      guard isDeletionAnnounced else { return .refused }
      self = Self.erased
    case .eraseByPerson:
      if let refusal = unproven(call, seen) { return refusal }
      self = Self.erased
    case .eraseByOperator:
      guard exists else { return .refused }
      self = Self.erased
    case .lock:
      guard exists else { return .refused }
      isLocked = true
      endTokens()
    case .unlock:
      guard isLocked else { return .refused }
      isLocked = false
    case .requestReset(let address, let number):
      // The answer is the same for every address.
      if exists, seen.exists, seen.address == address {
        links.insert(Link(purpose: .reset, number: number, address: address))
      }
    case .reset(let number, let newPassword):
      guard let link = link(number, .reset), link.address == address else { return .refused }
      replacePassword(by: newPassword)
      codes = [:]
    case .requestChange(_, _, let address, let number):
      if let refusal = unproven(call, seen) { return refusal }
      links.insert(Link(purpose: .verify, number: number, address: address))
    case .verifyAddress(let number, let takeBack):
      guard exists, let link = link(number, .verify) else { return .refused }
      links.remove(link)
      if link.address != address {
        links = links.filter { $0.purpose == .takeBack }
        links.insert(Link(purpose: .takeBack, number: takeBack, address: address))
        reserved.insert(address)
        reserved.remove(link.address)
        address = link.address
      }
    case .takeBack(let number, let newPassword):
      guard let link = link(number, .takeBack), reserved.contains(link.address) else { return .refused }
      replacePassword(by: newPassword)
      codes = [:]
      links = []
      reserved = []
      address = link.address
      isDeletionAnnounced = false
    }
    return .done
  }

  /// Why a call does not have the proof of the person any more that its first step verified.
  private func unproven(_ call: Call, _ seen: CredentialModel) -> Answer? {
    guard exists else { return .missing }
    return !isLocked && password == seen.password && begin(call) == nil ? nil : .conflict
  }

  private mutating func replacePassword(by newPassword: String) {
    password = newPassword
    links = links.filter { $0.purpose == .takeBack }
    endTokens()
  }

  private mutating func endTokens() {
    for id in devices.keys { devices[id]?.family = nil }
    denyRequest()
  }

  private mutating func denyRequest() {
    if request == .open || request == .approved { request = .denied }
  }

  /// Without links that do nothing: they lead to an address that the account does not have any
  /// more.
  var withoutDeadLinks: CredentialModel {
    var model = self
    model.links = links.filter { $0.purpose != .reset || $0.address == address }
    return model
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
