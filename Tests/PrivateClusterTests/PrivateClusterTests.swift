import Glibc
@testable import PrivateCluster
import Testing

@Suite("PrivateCluster", .serialized)
struct PrivateClusterTests {
  @Test("a new folder becomes a cluster that answers, and committed data is there after a stop and a start")
  func startStopStart() throws {
    let folder = try TemporaryFolder()
    let first = try PrivateCluster.start(dataFolder: folder.path + "/data")
    #expect(try query("create table t as select 41 + 1 as x; select x from t", first).hasSuffix("42\n"))
    #expect(try query("show data_checksums", first) == "on\n")
    #expect(try query("show fsync", first) == "on\n")
    #expect(try query("show server_encoding", first) == "UTF8\n")
    #expect(try query("show listen_addresses", first) == "\n")
    first.stop()
    first.stop()  // no effect
    let second = try PrivateCluster.start(dataFolder: folder.path + "/data")
    defer { second.stop() }
    #expect(try query("select x from t", second) == "42\n")
  }

  @Test("started by root, the server runs as an unprivileged user, and no other user may enter its folder")
  func unprivileged() throws {
    let folder = try TemporaryFolder()
    let cluster = try PrivateCluster.start(dataFolder: folder.path + "/data")
    defer { cluster.stop() }
    for process in ClusterProcesses(cluster: folder.path + "/data/cluster").all() {
      let status = try #require(readFile("/proc/\(process)/status"))
      #expect(!status.contains("Uid:\t0\t"))
    }
    var information = stat()
    #expect(unsafe stat(folder.path + "/data/socket", &information) == 0)
    #expect(information.st_mode & 0o777 == 0o700)
  }

  @Test("a second program on the same folder is refused with a clear error, and the first goes on")
  func secondIsRefused() throws {
    let folder = try TemporaryFolder()
    let cluster = try PrivateCluster.start(dataFolder: folder.path + "/data")
    defer { cluster.stop() }
    #expect(throws: PrivateClusterError.folderInUse("the data folder \(folder.path)/data is in use by another streakd"))
    {
      _ = try PrivateCluster.start(dataFolder: folder.path + "/data")
    }
    #expect(try query("select 1", cluster) == "1\n")
  }

  @Test("the caller sets the time limit of a start, and a start that exceeds it leaves no server running")
  func startTakesTooLong() throws {
    let folder = try TemporaryFolder()
    #expect {
      _ = try PrivateCluster.start(dataFolder: folder.path + "/data", startSecondsMax: 0)
    } throws: { error in
      guard case PrivateClusterError.timedOut(let text) = error else { return false }
      return text.contains("within 0 s")
    }
    #expect(ClusterProcesses(cluster: folder.path + "/data/cluster").all().isEmpty)
    #expect(PrivateCluster.replaySecondsMax > 100 * PrivateCluster.startSecondsMax)
  }

  @Test("a killed server is started again at once and keeps acknowledged commits")
  func killedServerIsRestarted() throws {
    let folder = try TemporaryFolder()
    let reports = Reports()
    let cluster = try PrivateCluster.start(dataFolder: folder.path + "/data") { reports.append($0) }
    defer { cluster.stop() }
    _ = try query("create table t (x int); insert into t select generate_series(1, 1000)", cluster)
    let server = try #require(
      pid_t(readFile(folder.path + "/data/cluster/postmaster.pid")?.split(separator: "\n").first ?? ""))
    kill(server, SIGKILL)
    #expect(waitUntil(timeoutSeconds: 60) { reports.all.contains("PostgreSQL is running again") })
    #expect(reports.all.first == "PostgreSQL was killed by signal 9; starting it again in 100 ms")
    #expect(try query("select count(*) from t", cluster) == "1000\n")
  }

  @Test("the server of a killed program is ended, and its data is used")
  func leftoverServer() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data"
    let cluster = try PrivateCluster.start(dataFolder: path)
    _ = try query("create table t as select 7 as x", cluster)
    cluster.stop()
    let user = try ServerUser.choose()
    let installation = try PostgresInstallation.find(majorVersion: nil)
    let log = open(path + "/leftover.log", O_WRONLY | O_CREAT, 0o600)
    defer { close(log) }
    let leftover = try ChildProcess.start(
      ["\(installation.folder)/postgres", "-D", path + "/cluster", "-k", path + "/socket", "-c", "listen_addresses="],
      user: user, output: log)
    let pidFile = path + "/cluster/postmaster.pid"
    #expect(waitUntil(timeoutSeconds: 60) { readFile(pidFile)?.contains("ready") ?? false })

    let second = try PrivateCluster.start(dataFolder: path)
    defer { second.stop() }
    #expect(leftover.waitForEnd() == .exited(0))
    #expect(try query("select x from t", second) == "7\n")
  }

  @Test(
    "a lock file with the process id of an unrelated program is stale: the cluster starts and that program lives",
    arguments: ["cluster/postmaster.pid", "socket/.s.PGSQL.5432.lock"])
  func staleLockFile(name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data"
    try PrivateCluster.start(dataFolder: path).stop()
    let user = try ServerUser.choose()
    let stranger = try ChildProcess.start(["sleep", "600"], user: user, output: 1)
    defer {
      kill(stranger.processID, SIGKILL)
      #expect(stranger.waitForEnd() == .killed(signal: SIGKILL))
    }
    try write(
      "\(stranger.processID)\n\(path)/cluster\n0\n5432\n\(path)/socket\n\n  0 0\nready\n",
      "\(path)/\(name)")
    let cluster = try PrivateCluster.start(dataFolder: path)
    #expect(try query("select 1", cluster) == "1\n")
    cluster.stop()
    #expect(kill(stranger.processID, 0) == 0)
  }

  @Test("the rest of an interrupted creation is removed")
  func interruptedMaking() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data"
    #expect(mkdir(path, 0o700) == 0)
    #expect(mkdir(path + "/cluster.new", 0o700) == 0)
    try write("15\n", path + "/cluster.new/PG_VERSION")
    let cluster = try PrivateCluster.start(dataFolder: path)
    defer { cluster.stop() }
    #expect(try query("select 1", cluster) == "1\n")
    #expect(access(path + "/cluster.new", F_OK) != 0)
  }

  @Test("a data folder whose path is too long for a socket works", arguments: [60, 107, 108, 200])
  func longPath(pathBytes: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/" + String(repeating: "d", count: pathBytes - folder.path.utf8.count - 1)
    let cluster = try PrivateCluster.start(dataFolder: path)
    defer { cluster.stop() }
    #expect(try query("select 1", cluster) == "1\n")
  }

  @Test("a folder name with quotes, spaces and commas works")
  func oddName() throws {
    let folder = try TemporaryFolder()
    let cluster = try PrivateCluster.start(dataFolder: folder.path + #"/it's, "odd" \ name"#)
    defer { cluster.stop() }
    #expect(try query("select 1", cluster) == "1\n")
  }

  @Test("a cluster of a version that is not installed is refused and not changed")
  func unknownVersion() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data"
    #expect(mkdir(path, 0o700) == 0)
    #expect(mkdir(path + "/cluster", 0o700) == 0)
    try write("99\n", path + "/cluster/PG_VERSION")
    let expected =
      "PostgreSQL version 99, which made this data folder is not installed (Debian: apt-get install postgresql)"
    #expect(throws: PrivateClusterError.noPostgres(expected)) { _ = try PrivateCluster.start(dataFolder: path) }
    #expect(readFile(path + "/cluster/PG_VERSION") == "99\n")
  }
}
