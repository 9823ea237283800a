internal import Glibc
internal import PrivateCluster

/// A file descriptor that is closed once: by `close()` or with this object. Calls block.
@safe final class Descriptor: ByteSink {
  let number: Int32
  private var isOpen = true

  init(owning number: Int32) { self.number = number }

  deinit { close() }

  func close() {
    guard isOpen else { return }
    isOpen = false
    _ = Glibc.close(number)
  }

  /// A pipe. Children do not inherit its ends unless one is passed to them. Its buffer is enlarged
  /// from the default of 64 KiB.
  static func pipe() throws(OperationsError) -> (reading: Descriptor, writing: Descriptor) {
    let ends: [Int32]
    do throws(PrivateClusterError) { ends = try ChildProcess.pipe() } catch { throw .fileUnusable("\(error)") }
    _ = fcntl(ends[1], setPipeSize, pipeBytes)
    return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
  }

  /// Linux's F_SETPIPE_SZ, which the importer does not know.
  private static let setPipeSize: Int32 = 1_031
  /// Size of a pipe's buffer, in bytes.
  private static let pipeBytes: Int32 = 1_048_576

  /// Opens a file. One that root makes belongs to the owner of its folder: see
  /// `Files.giveToOwner(of:_:)`.
  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(OperationsError) -> Descriptor {
    let number = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
    guard number >= 0 else { throw .fileUnusable("cannot open \(path): \(lastError())") }
    if flags & O_CREAT != 0 { Files.giveToOwner(of: Files.parent(of: path), number) }
    return Descriptor(owning: number)
  }

  /// An unnamed temporary file, for a child's output.
  static func temporary() throws(OperationsError) -> Descriptor {
    let number = unsafe Glibc.open("/tmp", O_TMPFILE_ | O_RDWR | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw .fileUnusable("cannot make a file in /tmp: \(lastError())") }
    return Descriptor(owning: number)
  }

  /// Reads the available bytes, at most the buffer's room.
  ///
  /// - Parameters:
  ///   - offset: Where in the buffer the bytes go.
  ///   - limit: Most bytes to read; a larger value than the room means the room.
  /// - Returns: The number of bytes; 0 at the end.
  func read(
    into buffer: inout [UInt8], from offset: Int = 0, count limit: Int = .max
  ) throws(OperationsError) -> Int {
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...].prefix(limit))
        return unsafe Glibc.read(number, room.baseAddress, room.count)
      }
      if count >= 0 { return count }
      guard errno == EINTR else { throw .fileUnusable("cannot read: \(lastError())") }
    }
  }

  /// All bytes until the end.
  ///
  /// - Parameter path: Named in the error.
  func readAll(_ path: String, byteLimit: Int) throws(OperationsError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = try read(into: &chunk)
      guard count > 0 else { return bytes }
      guard bytes.count + count <= byteLimit else {
        throw .fileUnusable("\(path) is larger than \(byteLimit) bytes")
      }
      bytes += chunk[..<count]
    }
  }

  /// Writes all of the bytes.
  ///
  /// - Returns: Whether the other end still reads; always true for a file.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EPIPE { return false }
        throw .fileUnusable("cannot write: \(lastError())")
      }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// The last bytes of a file, at most 2048.
  func lastOutput() -> String {
    var status = stat()
    guard unsafe fstat(number, &status) == 0 else { return "" }
    var buffer = [UInt8](repeating: 0, count: 2_048)
    let offset = max(0, Int(status.st_size) - buffer.count)
    let count = unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, offset) }
    let text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    return text.split(separator: "\n").suffix(8).joined(separator: "\n")
  }

  /// Waits until all written bytes are on the disk.
  func synchronize(_ path: String) throws(OperationsError) {
    guard fsync(number) == 0 else { throw .fileUnusable("cannot write \(path) to the disk: \(lastError())") }
  }
}

/// Linux's O_TMPFILE with O_DIRECTORY, which the importer does not know.
private let O_TMPFILE_: Int32 = 0o20_000_000 | 0o200_000

/// The system's text for the error of the last call on this thread.
func lastError() -> String { unsafe String(cString: strerror(errno)) }
