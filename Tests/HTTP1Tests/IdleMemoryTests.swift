import Glibc
import HTTP
import HTTP1
import Testing

@Suite("HTTP1 idle memory")
struct IdleMemoryTests {
  /// The limit of issue 23 for a whole idle connection; the session is a part of it.
  private static let connectionBytesMax = 8_192
  private static let count = 20_000
  /// The thread sanitizer keeps the last accesses to each word, in the process's memory.
  private static let memoryFactor = getenv("STREAKD_SANITIZE").map { String(cString: $0) } == "thread" ? 20 : 1

  @Test("a session between two requests holds little memory")
  func idle() async {
    // In a process of its own, because other tests allocate memory meanwhile.
    await #expect(processExitsWith: .success) {
      let before = try IdleMemoryTests.residentBytes()
      let shared = HTTPResources(limits: HTTPLimits())
      let resources = HTTP1Resources(shared: shared, unixSeconds: { 0 })
      let owner = Owner()
      let output = HTTPOutputBuffer()
      let request = Array(
        Wire.request(["Host: a", "X: \(String(repeating: "x", count: 3_000))", "Content-Length: 3"], "abc").utf8)
      let (first, second) = (Array(request[..<1_000]), Array(request[1_000...]))
      let sessions = try (0..<IdleMemoryTests.count).map { _ in
        let session = HTTP1Session(resources: resources)
        owner.session = session
        session.delegate = owner
        // In two pieces: the memory for the first piece is freed.
        try session.receive(first.span.bytes)
        try session.receive(second.span.bytes)
        output.removeAll()
        try session.produce(into: output)
        return session
      }
      #expect(owner.count == IdleMemoryTests.count && sessions.allSatisfy { $0.openExchangeCount == 0 })
      let each = (try IdleMemoryTests.residentBytes() - before) / IdleMemoryTests.count
      #expect(
        each <= IdleMemoryTests.connectionBytesMax / 4 * IdleMemoryTests.memoryFactor, "\(each) bytes for each session")
      #expect(shared.use == BufferUse())
    }
  }

  /// Source: proc(5), statm.
  private static func residentBytes() throws -> Int {
    let file = try #require(fopen("/proc/self/statm", "r"))
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 256)
    let count = fread(&text, 1, text.count - 1, file)
    let words = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
    return try #require(words.count > 1 ? Int(words[1]) : nil) * sysconf(Int32(_SC_PAGESIZE))
  }

  private final class Owner: HTTPSessionDelegate {
    weak var session: HTTP1Session?
    var count = 0

    func receivedHeaders(_ exchange: HTTPExchange) {}
    func receivedBody(_ exchange: HTTPExchange) {
      guard exchange.receivedEnd else { return }
      exchange.outbound = [UInt8](repeating: 0, count: 10_000)
      session?.submitWholeResponse(exchange, Server.fields())
      count += 1
    }
    func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {}
    func drained(_ exchange: HTTPExchange) {}
    func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}
  }
}
