internal import CLinux
internal import EventLoop
internal import Glibc

/// Fires at a moment of the monotonic clock with microsecond resolution; libuv's timers have
/// milliseconds. Loop-confined.
///
/// Each firing costs three system calls. Source: timerfd_create(2).
final class FineTimer {
  private let descriptor: Int32
  private var watcher: DescriptorWatcher?

  /// - Returns: nil when the process has no descriptors left.
  init?(loop: EventLoop, onFire: @escaping () -> Void) {
    let descriptor = clinux_timer_create()
    self.descriptor = descriptor
    guard descriptor >= 0 else { return nil }
    watcher = DescriptorWatcher(loop: loop, descriptor: descriptor) { _ in
      var count: UInt64 = 0
      guard unsafe read(descriptor, &count, MemoryLayout<UInt64>.size) > 0 else { return }
      onFire()
    }
    watcher?.wait(for: .readable)
  }

  deinit {
    watcher?.close()
    if descriptor >= 0 { close(descriptor) }
  }

  /// Fires once, at `nanoseconds` of `MonotonicClock`, or at once if that is past; replaces the
  /// moment set before.
  func fire(atNanoseconds nanoseconds: UInt64) {
    // timerfd takes zero as "disarm".
    let moment = max(1, nanoseconds)
    _ = clinux_timer_set(descriptor, Int(moment / 1_000_000_000), Int(moment % 1_000_000_000))
  }
}
