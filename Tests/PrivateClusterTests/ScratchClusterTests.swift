import Glibc
@testable import PrivateCluster
import Testing

@Suite("ScratchCluster", .serialized)
struct ScratchClusterTests {
  private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private func names(_ path: String) -> [String] { (folderEntries(path) ?? []).sorted() }

  @Test("it answers, its folder is ours and closed to others, and nothing is left of it")
  func comesAndGoes() throws {
    let folder = try TemporaryFolder()
    let scratch = try ScratchCluster(in: folder.path, majorVersion: nil)
    let own = try #require(names(folder.path).first)
    #expect(own == "streakd-scratch-\(try ServerUser.choose()?.userID ?? geteuid())")
    var status = stat()
    #expect(lstat("\(folder.path)/\(own)", &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(try ChildProcess.run(["psql", "-XAtq", scratch.connectionString, "-c", "SELECT 1"], user: nil) == "1\n")
    scratch.remove()
    withExtendedLifetime(scratch) {}
  }

  @Test("if our program is killed, its folder is removed too, also one with a relative path")
  func relative() throws {
    let folder = try TemporaryFolder()
    let before = try #require(resolvedPath("."))
    #expect(chdir(folder.path) == 0)
    defer { #expect(chdir(before) == 0) }
    do {
      let scratch = try ScratchCluster(in: "scratch/here", majorVersion: nil)
      #expect(names("scratch/here").count == 1)
      scratch.remove()
    }
    #expect(names("scratch/here").isEmpty)
  }

  /// A trap that an attacker could set: a folder with a free lock, whose `cluster` leads to a
  /// running PostgreSQL.
  private func plant(_ path: String, leadingTo cluster: String, owner: uid_t? = nil) throws {
    _ = try ChildProcess.run(["mkdir", "-p", path], user: nil)
    try write("", "\(path)/lock")
    #expect(symlink(cluster, "\(path)/cluster") == 0)
    if let owner { _ = try ChildProcess.run(["chown", "-R", "-h", "\(owner)", path], user: nil) }
  }

  @Test(
    "a link called cluster never leads to another PostgreSQL: in our folder, another user's, or a link to one"
  )
  func plantedLinks() throws {
    let folder = try TemporaryFolder()
    let victim = try PrivateCluster.start(dataFolder: folder.path + "/victim")
    defer { victim.stop() }
    let cluster = folder.path + "/victim/cluster"
    let server = try #require(readFile("\(cluster)/postmaster.pid")?.split(separator: "\n").first)
    let user = try ServerUser.choose()?.userID ?? geteuid()
    let parent = folder.path + "/parent"
    try plant("\(parent)/streakd-scratch-abcdef", leadingTo: cluster)
    try plant("\(parent)/streakd-scratch-\(user)/x", leadingTo: cluster)
    try plant("\(parent)/streakd-scratch-\(user)-1/x", leadingTo: cluster, owner: geteuid() == 0 ? 65_534 : nil)
    try plant("\(parent)/elsewhere/x", leadingTo: cluster)
    #expect(symlink("\(parent)/elsewhere", "\(parent)/streakd-scratch-\(user)-2") == 0)
    #expect(symlink(folder.path + "/victim", "\(parent)/streakd-scratch-\(user)-3") == 0)
    // The second one looks like ours: as if the server's user had been made to put it there.
    for name in ["streakd-scratch-\(user)", "elsewhere"] {
      #expect(chmod("\(parent)/\(name)", 0o700) == 0 && chown("\(parent)/\(name)", user, gid_t.max) == 0)
    }
    try ScratchCluster(in: parent, majorVersion: nil).remove()
    try ScratchCluster.removeLeftovers(in: parent)
    #expect(try query("select 1", victim) == "1\n")
    #expect(readFile("\(cluster)/postmaster.pid")?.split(separator: "\n").first == server)
    #expect(exists("\(parent)/elsewhere/x") && exists("\(parent)/streakd-scratch-abcdef"))
    #expect(throws: PrivateClusterError.self) {
      try PrivateCluster.endLeftovers(in: "\(parent)/streakd-scratch-\(user)-3")
    }
  }

  @Test("a folder of our name that others may enter, or that is a link, is not touched: ours gets a longer name")
  func takenName() throws {
    let folder = try TemporaryFolder()
    let name = "streakd-scratch-\(try ServerUser.choose()?.userID ?? geteuid())"
    #expect(mkdir("\(folder.path)/\(name)", 0o755) == 0)
    try write("precious", "\(folder.path)/\(name)/file")
    let scratch = try ScratchCluster(in: folder.path, majorVersion: nil)
    #expect(names(folder.path).count == 2 && names(folder.path).allSatisfy { $0.hasPrefix(name) })
    scratch.remove()
    #expect(readFile("\(folder.path)/\(name)/file") == "precious")
  }

  @Test("the folder of a killed program is removed, and that of a running one is not")
  func leftovers() throws {
    let folder = try TemporaryFolder()
    let scratch = try ScratchCluster(in: folder.path, majorVersion: nil)
    let own = "\(folder.path)/\(try #require(names(folder.path).first))"
    let used = try #require(names(own).first)
    #expect(mkdir("\(own)/old", 0o700) == 0)
    try write("", "\(own)/old/lock")
    try ScratchCluster.removeLeftovers(in: folder.path)
    #expect(names(own) == [used])
    #expect(try ChildProcess.run(["psql", "-XAtq", scratch.connectionString, "-c", "SELECT 1"], user: nil) == "1\n")
    scratch.remove()
  }

  @Test("a restart does not stop an unrelated process whose number is in postmaster.pid")
  func staleNumber() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data"
    try PrivateCluster.start(dataFolder: path).stop()
    let stranger = try ChildProcess.start(["sleep", "600"], user: try ServerUser.choose(), output: 1)
    try write("\(stranger.processID)\n\(path)/cluster\n0\n5432\n\(path)/socket\n", "\(path)/cluster/postmaster.pid")
    #expect(!PrivateCluster.restartServer(in: path))
    #expect(kill(stranger.processID, 0) == 0)
    kill(stranger.processID, SIGKILL)
    #expect(stranger.waitForEnd() == .killed(signal: SIGKILL))
  }
}
