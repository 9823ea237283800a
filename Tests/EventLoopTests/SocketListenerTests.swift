import EventLoop
import Glibc
import Testing

@Suite("Unix sockets")
struct UnixSocketTests {
  private static func path() -> String { "/tmp/streakd-test-\(UInt64.random(in: 0...UInt64.max))" }

  @Test("a path up to the kernel's limit is an address, a longer, empty or cut one is not")
  func addresses() {
    let longest = String(repeating: "a", count: SocketAddress.unixPathBytesMax)
    #expect(SocketAddress(parsing: "unix:" + longest)?.description == "unix:" + longest)
    #expect(SocketAddress(unixPath: longest + "a") == nil)
    #expect(SocketAddress(unixPath: "") == nil)
    #expect(SocketAddress(unixPath: "a\0b") == nil)
    #expect(SocketAddress(unixPath: "/x")?.isLoopback == true)
  }

  @Test("the file is its owner's only; a live server's is refused, a dead one's replaced; it is removed at the end")
  func file() async throws {
    let thread = EventLoopThread()
    let loop = thread.loop
    let path = Self.path()
    let outcome = await Task(executorPreference: loop) { () -> Result<Void, any Error> in
      do {
        let address = try #require(SocketAddress(unixPath: path))
        let listener = try SocketListener(loop: loop, address: address) { $0.close() }
        var status = stat()
        #expect(unsafe stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(throws: SocketError.self) { try SocketListener.checkIsFree(address) }
        listener.stop()
        #expect(unsafe stat(path, &status) != 0)
        // A killed server leaves its file.
        let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let bound = unsafe withUnsafePointer(to: &name) { name in
          unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(dead, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
        close(dead)
        #expect(bound == 0)
        try SocketListener.checkIsFree(address)
        let next = try SocketListener(loop: loop, address: address) { $0.close() }
        next.stop()
        return .success(())
      } catch {
        return .failure(error)
      }
    }.value
    try outcome.get()
    thread.stopAndJoin()
  }

  @Test("the check whether an address is free returns at once if a server listens and does not accept")
  func fullBacklog() throws {
    let path = Self.path()
    let address = try #require(SocketAddress(unixPath: path))
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    func call(_ function: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
      unsafe withUnsafePointer(to: &name) { name in
        unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe function($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(call { unsafe bind(server, $0, $1) } == 0 && listen(server, 0) == 0)
    var callers: [Int32] = []
    repeat {
      callers.append(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0))
    } while call { unsafe connect(callers[callers.count - 1], $0, $1) } == 0 && callers.count < 10
    #expect(errno == EAGAIN)
    #expect(throws: SocketError.self) { try SocketListener.checkIsFree(address) }
    for descriptor in callers + [server] { close(descriptor) }
    unlink(path)
  }

  @Test("a file that is no socket stays as it is, and is refused")
  func ordinaryFile() async throws {
    let thread = EventLoopThread()
    let loop = thread.loop
    let path = Self.path()
    let file = creat(path, 0o600)
    #expect(file >= 0 && write(file, "kept", 4) == 4)
    close(file)
    defer { unlink(path) }
    let address = try #require(SocketAddress(unixPath: path))
    let isRefused = await Task(executorPreference: loop) {
      do throws(SocketError) {
        try SocketListener.checkIsFree(address)
        _ = try SocketListener(loop: loop, address: address) { $0.close() }
        return false
      } catch {
        return error.number == EADDRINUSE
      }
    }.value
    #expect(isRefused)
    var status = stat()
    #expect(unsafe stat(path, &status) == 0 && status.st_size == 4)
    thread.stopAndJoin()
  }
}
