import EventLoop
import Glibc
import Testing

struct DescriptorWatcherTests {
  /// The two ends of a TCP connection on loopback.
  private static func connected() -> (Int32, Int32) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let one = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    unsafe withUnsafeMutablePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        _ = unsafe bind(listener, name, length)
        listen(listener, 1)
        getsockname(listener, name, &length)
        _ = unsafe connect(one, name, length)
      }
    }
    let other = accept(listener, nil, nil)
    close(listener)
    return (one, other)
  }

  @Test("after the last bytes of a connection that was reset, its end is reported too", .timeLimit(.minutes(1)))
  func resetBehindBytes() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let counts = await Task(executorPreference: loop) { () -> [Int] in
      // Given: ten bytes, followed by a reset.
      let (own, peer) = Self.connected()
      _ = unsafe send(peer, "0123456789", 10, 0)
      var now = linger(l_onoff: 1, l_linger: 0)
      unsafe setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
      close(peer)
      // When: each readiness is answered by one read, as a connection does it.
      var counts: [Int] = []
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        var watcher: DescriptorWatcher?
        watcher = DescriptorWatcher(loop: loop, descriptor: own) { _ in
          var buffer = [UInt8](repeating: 0, count: 100)
          counts.append(unsafe recv(own, &buffer, buffer.count, Int32(MSG_DONTWAIT)))
          guard counts.last ?? 0 <= 0 else { return }
          watcher?.close()
          watcher = nil
          continuation.resume()
        }
        watcher?.wait(for: .readable)
      }
      close(own)
      return counts
    }.value
    // Then: all or none of the bytes are read, but the end is always reported.
    #expect(counts.last ?? 1 <= 0, "\(counts)")
    thread.stopAndJoin()
  }
}
