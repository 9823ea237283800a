/// Calls that wait for a turn, in an order in which a flood of some callers delays others little.
///
/// There are two queues, each with its own limit: of calls by known parties (a signed-in person, a
/// device or an address that signed in before), and of calls by unknown ones. While both have
/// calls, they take turns. Within a queue the parties take turns, and the calls of one party keep
/// their order of arrival. A full queue refuses a new call whose party has as many calls in it as
/// any other; otherwise the new call displaces the newest call of the party that has most.
struct FairQueue {
  /// The party that a call waits for.
  struct Party: Hashable, Sendable {
    /// The party signed in before, on this device or from this address.
    var isKnown: Bool
    /// The account of a known party; the address of an unknown one.
    var name: [UInt8]
  }

  /// The outcome for a new call.
  enum Admission: Equatable {
    case waits
    /// It waits, in the place of another call.
    case waitsInsteadOf(ticket: UInt64)
    case refused
  }

  /// The most calls in each queue.
  let waitingMax: Int
  private var known = PartyQueue()
  private var unknown = PartyQueue()
  private var isKnownNext = true

  init(waitingMax: Int) { self.waitingMax = waitingMax }

  var count: Int { known.count + unknown.count }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ ticket: UInt64, _ party: Party) -> Admission {
    party.isKnown
      ? known.append(ticket, party.name, countMax: waitingMax)
      : unknown.append(ticket, party.name, countMax: waitingMax)
  }

  /// Removes the call whose turn is next.
  mutating func removeFirst() -> UInt64? {
    let takesKnown = unknown.count == 0 || (isKnownNext && known.count > 0)
    isKnownNext = !takesKnown
    return takesKnown ? known.removeFirst() : unknown.removeFirst()
  }

  /// Removes a call that was cancelled.
  mutating func remove(_ ticket: UInt64) {
    known.remove(ticket)
    unknown.remove(ticket)
  }

  /// The calls of one kind.
  private struct PartyQueue {
    // Invariant: `order` names exactly the parties of `tickets`, none of which is empty; `count` is
    // the number of tickets.
    private var order: [[UInt8]] = []
    private var tickets: [[UInt8]: [UInt64]] = [:]
    private(set) var count = 0

    mutating func append(_ ticket: UInt64, _ name: [UInt8], countMax: Int) -> Admission {
      var admission = Admission.waits
      if count >= countMax {
        let own = tickets[name]?.count ?? 0
        guard let longest = order.max(by: { (tickets[$0]?.count ?? 0) < (tickets[$1]?.count ?? 0) }),
          let displaced = tickets[longest]?.last, (tickets[longest]?.count ?? 0) > own + 1
        else { return .refused }
        remove(displaced)
        admission = .waitsInsteadOf(ticket: displaced)
      }
      if tickets[name] == nil { order.append(name) }
      tickets[name, default: []].append(ticket)
      count += 1
      return admission
    }

    mutating func removeFirst() -> UInt64? {
      guard let name = order.first, let ticket = tickets[name]?.first else { return nil }
      remove(ticket)
      // The party's next call comes after one call of each other party.
      if order.first == name {
        order.removeFirst()
        order.append(name)
      }
      return ticket
    }

    mutating func remove(_ ticket: UInt64) {
      guard let name = order.first(where: { tickets[$0]?.contains(ticket) ?? false }) else { return }
      tickets[name]?.removeAll { $0 == ticket }
      count -= 1
      if tickets[name]?.isEmpty ?? true {
        tickets[name] = nil
        order.removeAll { $0 == name }
      }
    }
  }
}
