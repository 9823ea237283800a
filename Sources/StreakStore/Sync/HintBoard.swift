internal import EventLoop
internal import Synchronization

/// The receivers of hints in this process, one for each loop that serves. Any thread.
final class HintBoard: Sendable {
  typealias Receiver = (ChangeHint) -> Void

  private struct Entry {
    let loop: EventLoop
    let receiver: LoopBound<Receiver>
  }
  private let entries = Mutex<[Int: Entry]>([:])
  private let nextNumber = Atomic(0)

  /// - Parameter receiver: Called on `loop`, whose thread this is.
  /// - Returns: A number for `remove(_:)`.
  func add(on loop: EventLoop, _ receiver: @escaping Receiver) -> Int {
    let number = nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
    let entry = Entry(loop: loop, receiver: LoopBound(receiver, loop: loop))
    entries.withLock { $0[number] = entry }
    return number
  }

  func remove(_ number: Int) {
    entries.withLock { $0[number] = nil }
  }

  func post(_ hint: ChangeHint) {
    let all = entries.withLock { Array($0.values) }
    for entry in all { entry.loop.execute { entry.receiver.value(hint) } }
  }
}
