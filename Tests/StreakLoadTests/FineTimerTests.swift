import EventLoop
import Testing

@testable import StreakLoad

@Suite("Fine timer")
struct FineTimerTests {
  @Test("a fine timer fires at its moment, also if that is past; a later setting replaces the earlier one")
  func fineTimer() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let late = await Task(executorPreference: loop) { () -> [Bool] in
      var fired: [UInt64] = []
      var waiter: CheckedContinuation<Void, Never>?
      let timer = FineTimer(loop: loop) {
        fired.append(MonotonicClock.nowNanoseconds)
        waiter?.resume()
      }
      var late: [Bool] = []
      for delay: UInt64 in [1_500_000, 0, 200_000] {
        let moment = MonotonicClock.nowNanoseconds + delay
        await withCheckedContinuation { continuation in
          waiter = continuation
          timer?.fire(atNanoseconds: moment + 3_600_000_000_000)
          timer?.fire(atNanoseconds: delay == 0 ? 0 : moment)
        }
        late.append((fired.last ?? 0) >= moment)
      }
      return late + [fired.count == 3]
    }.value
    #expect(late == [true, true, true, true])
    thread.stopAndJoin()
  }
}
