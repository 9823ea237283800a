import Testing

@testable import StreakLoad

@Suite("Server probe")
struct ServerProbeTests {
  @Test("the server's use of resources is read from a metrics page")
  func metrics() {
    let page =
      "HTTP/1.1 200 OK\r\n\r\n# TYPE x counter\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1048576\n"
    #expect(ServerProbe.parse(page) == ProcessFigures(cpuSeconds: 1.5, residentBytes: 1_048_576))
    #expect(ServerProbe.parse("process_cpu_seconds_total 1.5") == nil)
  }
}
