import Glibc
@testable import PrivateCluster
import Synchronization
import Testing

/// A folder that every user may enter, removed with this object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = try ChildProcess.run(["mktemp", "-d", "/tmp/cluster-XXXXXX"], user: nil).filter { $0 != "\n" }
    #expect(chmod(path, 0o755) == 0)
  }

  deinit { _ = try? ChildProcess.run(["rm", "-rf", "--", path], user: nil) }
}

/// psql's output for a statement, without decoration.
func query(_ statement: String, _ cluster: PrivateCluster) throws -> String {
  try ChildProcess.run(
    ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", cluster.connectionString, "-c", statement], user: nil)
}

func write(_ text: String, _ path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  try #require(descriptor >= 0)
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  #expect(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
}

/// The messages for the operator.
final class Reports: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock { $0 } }
  func append(_ text: String) { texts.withLock { $0.append(text) } }
}
