@testable import EventLoop
import Glibc
import Testing

@Suite("EventLoop")
struct EventLoopTests {
  @Test("a task that prefers a loop runs on its thread, before and after suspending")
  func taskStaysOnLoop() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let observed = await Task(executorPreference: loop) {
      var observed = [loop.isCurrent]
      await loop.sleep(milliseconds: 1)
      observed.append(loop.isCurrent)
      let onPool = await loop.offload { loop.isCurrent }
      observed.append(onPool)
      observed.append(loop.isCurrent)
      return observed
    }.value
    #expect(observed == [true, true, false, true])
    thread.stopAndJoin()
  }

  @Test("busy polling: one loop at a time, until it is ended or its time is over, followed by a rest")
  func busyPolling() async {
    let threads = [EventLoopThread(), EventLoopThread()]
    let (first, second) = (threads[0].loop, threads[1].loop)
    /// Whether the loop reports polling, and whether it really does not sleep.
    @Sendable func isPolling(_ loop: EventLoop) async -> [Bool] {
      await Task(executorPreference: loop) {
        await loop.sleep(milliseconds: 1)
        return [loop.isPollingBusily, loop.idleIsActive]
      }.value
    }
    let minute = 60_000_000
    await first.run { first.pollBusily(microseconds: 0) }
    #expect(await isPolling(first) == [false, false])
    await first.run { first.pollBusily(microseconds: minute) }
    await second.run { second.pollBusily(microseconds: minute) }
    #expect(await isPolling(first) == [true, true])
    #expect(await isPolling(second) == [false, false])
    await first.run { first.endBusyPolling() }
    #expect(await isPolling(first) == [false, false])
    await second.run { second.pollBusily(microseconds: 1) }
    #expect(await isPolling(second) == [false, false])
    await first.run { first.pollBusily(microseconds: minute) }
    #expect(await isPolling(first) == [true, true])
    // A loop that ends lets other loops poll.
    threads[0].stopAndJoin()
    threads[1].stopAndJoin()
    let third = EventLoopThread()
    await third.loop.run { third.loop.pollBusily(microseconds: minute) }
    #expect(await isPolling(third.loop) == [true, true])
    third.stopAndJoin()

    var polling = BusyPolling()
    polling.begin(atNanoseconds: 5_000, durationNanoseconds: 1_000)
    polling.begin(atNanoseconds: 5_500, durationNanoseconds: 1_000)
    var seen = [polling.continues(atNanoseconds: 6_499), polling.continues(atNanoseconds: 6_500)]
    for moment: UInt64 in [6_600, 26_499, 26_500] {
      polling.begin(atNanoseconds: moment, durationNanoseconds: 1_000)
      seen.append(polling.continues(atNanoseconds: moment))
    }
    polling.end()
    #expect(seen == [true, false, false, false, true])
    #expect(polling.counts.begun == 2 && polling.counts.inVain == 1)
  }

  @Test("a cancelled sleep ends at once")
  func cancelledSleep() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let task = Task(executorPreference: loop) { await loop.sleep(milliseconds: 3_600_000) }
    task.cancel()
    await task.value
    thread.stopAndJoin()
  }

  @Test("closures from many threads all run, each once")
  func executeFromAnywhere() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let total = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<64 {
        group.addTask {
          await withCheckedContinuation { continuation in loop.execute { continuation.resume(returning: 1) } }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(total == 64)
    thread.stopAndJoin()
  }

  @Test("jobs that keep making jobs do not keep a timer from firing")
  func jobsDoNotStarveTimers() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    await Task(executorPreference: loop) {
      let spinner = Task(executorPreference: loop) {
        while !Task.isCancelled { await Task.yield() }
      }
      await loop.sleep(milliseconds: 1)
      spinner.cancel()
      await spinner.value
    }.value
    thread.stopAndJoin()
  }

  @Test("a loop that is stopped first ends its work in the thread pool, and the tasks that wait for it")
  func stopEndsWork() {
    final class Held: Sendable {}
    var (began, goesOn): ([Int32], [Int32]) = ([0, 0], [0, 0])
    #expect(pipe(&began) == 0 && pipe(&goesOn) == 0)
    let thread = EventLoopThread()
    weak var held: Held?
    func start() {
      let new = Held()
      held = new
      let (loop, writes, waits) = (thread.loop, began[1], goesOn[0])
      Task(executorPreference: loop) {
        await loop.offload {
          var byte: UInt8 = 0
          _ = write(writes, &byte, 1)
          _ = read(waits, &byte, 1)
        }
        withExtendedLifetime(new) {}
      }
    }
    start()
    var byte: UInt8 = 0
    #expect(read(began[0], &byte, 1) == 1)
    thread.loop.stop()
    #expect(write(goesOn[1], &byte, 1) == 1)
    thread.stopAndJoin()
    #expect(held == nil)
    for end in began + goesOn { close(end) }
  }

  @Test("a watcher reports what a pipe is ready for, and nothing after close")
  func watcherReportsReadiness() async throws {
    let thread = EventLoopThread()
    let loop = thread.loop
    var pipeEnds: [Int32] = [0, 0]
    #expect(pipe(&pipeEnds) == 0)
    let ends = pipeEnds
    let readable = await Task(executorPreference: loop) {
      await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        var watcher: DescriptorWatcher?
        watcher = DescriptorWatcher(loop: loop, descriptor: ends[0]) { readiness in
          watcher?.close()
          watcher = nil
          continuation.resume(returning: readiness.contains(.readable))
        }
        watcher?.wait(for: .readable)
        _ = write(ends[1], "x", 1)
      }
    }.value
    #expect(readable)
    thread.stopAndJoin()
    close(ends[0])
    close(ends[1])
  }
}
