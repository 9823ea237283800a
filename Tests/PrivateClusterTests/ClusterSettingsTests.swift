import Glibc
@testable import PrivateCluster
import Testing

@Suite("ClusterSettings")
struct ClusterSettingsTests {
  private func value(_ name: String, memoryBytes: Int, operatorsOwn: Set<String> = []) -> String? {
    ClusterSettings(memoryBytes: memoryBytes, operatorsOwn: operatorsOwn).all
      .first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  @Test("buffers are an eighth of the memory, within bounds")
  func buffers() {
    for (gibibytes, expected) in [(1, "128MB"), (2, "256MB"), (24, "3072MB"), (32, "4096MB"), (64, "4096MB")] {
      #expect(value("shared_buffers", memoryBytes: gibibytes << 30) == expected)
    }
    #expect(value("shared_buffers", memoryBytes: 256 << 20) == "128MB")
  }

  @Test("the operator's settings are kept, except those that protect acknowledged changes")
  func operators() {
    let own = ClusterSettings.names(in: "# Do not edit\nshared_buffers = '1GB'\nLOCK_TIMEOUT='5s'\nfsync = 'off'\n")
    #expect(own == ["shared_buffers", "lock_timeout", "fsync"])
    #expect(value("shared_buffers", memoryBytes: 1 << 30, operatorsOwn: own) == nil)
    #expect(value("lock_timeout", memoryBytes: 1 << 30, operatorsOwn: own) == nil)
    #expect(value("fsync", memoryBytes: 1 << 30, operatorsOwn: own) == "on")
    #expect(value("max_wal_size", memoryBytes: 1 << 30, operatorsOwn: own) == "2GB")
  }
}

@Suite("The private PostgreSQL's log and start", .serialized)
struct PrivateClusterUpkeepTests {
  @Test("a log of the largest size stays, and one byte more rotates it; three old logs are kept")
  func rotation() throws {
    let folder = try TemporaryFolder()
    let cluster = try PrivateCluster.start(dataFolder: folder.path + "/data")
    defer { cluster.stop() }
    let log = folder.path + "/data/postgres.log"
    for round in 1...5 {
      _ = try? query("select 'round \(round)'::int", cluster)
      let size = (readFile(log) ?? "").utf8.count
      DataFolder.rotateLog(log, bytesMax: size)
      #expect((readFile(log) ?? "").utf8.count == size)
      DataFolder.rotateLog(log, bytesMax: size - 1)
      #expect(readFile(log) == "")
      #expect(readFile("\(log).1")?.contains("round \(round)") == true)
    }
    #expect(readFile("\(log).3")?.contains("round 3") == true && readFile("\(log).4") == nil)
  }

  @Test("a start that is no longer wanted ends, and no server runs")
  func unwanted() throws {
    let folder = try TemporaryFolder()
    #expect(throws: PrivateClusterError.stopped("the start of PostgreSQL was given up")) {
      try PrivateCluster.start(dataFolder: folder.path + "/data", isWanted: { false })
    }
    #expect(ClusterProcesses(cluster: folder.path + "/data/cluster").all().isEmpty)
    let again = try PrivateCluster.start(dataFolder: folder.path + "/data")
    #expect(try query("show lock_timeout", again) == "1min\n")
    again.stop()
  }
}
