import Glibc
import Operations
import PrivateCluster
import Synchronization

/// Files that this process could read as root, for the time after it has become another user: a
/// small program stays root, touches no network, and serves a pipe. It ends with this process,
/// however that ends.
///
/// It knows the files by its arguments, which are named once, at the start: the pipe asks for all
/// of them, and can neither name nor change a file. Blocks its thread.
final class PrivilegedFiles: Sendable {
  /// Bytes of one file.
  static let fileBytesMax = 1_048_576

  private let paths: [String]
  private let child: ChildProcess
  private let pipes: Mutex<Pipes>

  private struct Pipes {
    var requests: Int32
    let answers: Int32
  }

  /// A line for each file: what changes when it is written or replaced, or its bytes. `remove`
  /// removes sockets only.
  private static let script = """
    count=$1
    shift
    while read -r request; do
      number=0
      for path; do
        number=$((number + 1))
        case $request in
          state) if [ "$number" -le "$count" ]; then stat -L -c '%i %z' -- "$path" 2> /dev/null || echo; fi ;;
          read) if [ "$number" -le "$count" ]; then head -c \(fileBytesMax + 1) -- "$path" 2> /dev/null | base64 -w 0; echo; fi ;;
          remove) if [ "$number" -gt "$count" ] && [ -S "$path" ]; then rm -f -- "$path"; fi ;;
        esac
      done
      if [ "$request" = remove ]; then echo; fi
    done
    """

  /// Starts the program. As root.
  ///
  /// - Parameters:
  ///   - paths: Absolute.
  ///   - sockets: Paths of Unix sockets that it may remove.
  init(_ paths: [String], sockets: [String]) throws(PrivateClusterError) {
    let requests = try ChildProcess.pipe()
    let answers = try ChildProcess.pipe()
    defer {
      close(requests[0])
      close(answers[1])
    }
    self.paths = paths
    do throws(PrivateClusterError) {
      child = try ChildProcess.start(
        ["sh", "-c", Self.script, "streakd-files", "\(paths.count)"] + paths + sockets, user: nil, input: requests[0],
        output: answers[1])
    } catch {
      close(requests[1])
      close(answers[0])
      throw error
    }
    pipes = Mutex(Pipes(requests: requests[1], answers: answers[0]))
  }

  /// What changes when a file is written or replaced, for each.
  func state() -> [String] { lines("state", count: paths.count) }

  /// Removes the sockets.
  func removeSockets() { _ = lines("remove", count: 1) }

  /// Each file's content under a path of its own; empty where it cannot be read.
  func read() throws(OperationsError) -> [MemoryFile] {
    var files: [MemoryFile] = []
    for line in lines("read", count: paths.count) { files.append(try MemoryFile(Self.bytes(base64: line))) }
    guard files.count == paths.count else { throw .programFailed("the program that reads files as root has ended") }
    return files
  }

  /// Ends the program.
  func end() {
    pipes.withLock { pipes in
      guard pipes.requests >= 0 else { return }
      close(pipes.requests)
      close(pipes.answers)
      pipes.requests = -1
      _ = child.waitForEnd()
    }
  }

  private func lines(_ request: String, count: Int) -> [String] {
    pipes.withLock { pipes in
      let text = Array("\(request)\n".utf8)
      var lines: [String] = []
      guard pipes.requests >= 0, write(pipes.requests, text, text.count) == text.count else { return lines }
      var line: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while lines.count < count {
        let read = Glibc.read(pipes.answers, &chunk, chunk.count)
        if read < 0, errno == EINTR { continue }
        guard read > 0 else { break }
        for byte in chunk[..<read] {
          if byte == UInt8(ascii: "\n") {
            lines.append(String(decoding: line, as: UTF8.self))
            line.removeAll(keepingCapacity: true)
          } else if line.count <= Self.fileBytesMax * 2 {
            line.append(byte)
          }
        }
      }
      return lines
    }
  }

  private static func bytes(base64 text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for character in text.utf8 {
      let value: UInt32
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(character - UInt8(ascii: "A"))
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(character - UInt8(ascii: "a")) + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(character - UInt8(ascii: "0")) + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: continue
      }
      bits = bits << 6 | value
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return bytes
  }
}
