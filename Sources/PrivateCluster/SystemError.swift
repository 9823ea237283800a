internal import Glibc

/// The system's text for the error of the last call on this thread.
func lastSystemError() -> String { unsafe String(cString: strerror(errno)) }

/// Checks `condition` every 10 ms until it holds or the time is up.
///
/// It polls, because there is no event to wait for: PostgreSQL reports that it is ready by writing
/// a file, and the end of a process that is not our child is not reported. It happens only at start
/// and stop.
/// - Returns: Whether the condition held in time.
func waitUntil<Failure: Error>(
  timeoutSeconds: Int, _ condition: () throws(Failure) -> Bool
) throws(Failure) -> Bool {
  for _ in 0..<(timeoutSeconds * 100) {
    if try condition() { return true }
    usleep(10_000)
  }
  return try condition()
}

/// The whole of a small file, or nil if it cannot be read.
func readFile(_ path: String) -> String? {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return readAll(descriptor, byteLimit: 65_536)
}

/// The bytes that can be read until the end of the file, at most `byteLimit` bytes.
func readAll(_ descriptor: Int32, byteLimit: Int) -> String {
  var text: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while text.count < byteLimit {
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { break }
    text.append(contentsOf: chunk[..<count])
  }
  return String(decoding: text, as: UTF8.self)
}

/// The names in a folder; nil, with `errno`, if it cannot be read.
package func folderEntries(_ path: String) -> [String]? {
  guard let folder = unsafe opendir(path) else { return nil }
  return unsafe folderEntries(folder)
}

/// The names in an open folder, which is closed; nil, with `errno`, if it cannot be read.
package func folderEntries(owning descriptor: Int32) -> [String]? {
  guard let folder = unsafe fdopendir(descriptor) else {
    close(descriptor)
    return nil
  }
  return unsafe folderEntries(folder)
}

private func folderEntries(_ folder: OpaquePointer) -> [String] {
  defer { unsafe closedir(folder) }
  var names: [String] = []
  while let entry = unsafe readdir(folder) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names
}

/// The target of a symbolic link, or nil.
func linkTarget(_ path: String) -> String? {
  var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
  let count = unsafe bytes.withUnsafeMutableBytes { (buffer) -> Int in
    guard let base = buffer.baseAddress else { return -1 }
    return unsafe readlink(path, base.assumingMemoryBound(to: CChar.self), buffer.count)
  }
  guard count >= 0 else { return nil }
  return String(decoding: bytes[..<count], as: UTF8.self)
}

/// The absolute path, for programs that have another working folder.
func absolutePath(_ path: String) throws(PrivateClusterError) -> String {
  if path.hasPrefix("/") { return path }
  guard let here = resolvedPath(".") else {
    throw .folderUnusable("cannot find the working folder: \(lastSystemError())")
  }
  return "\(here)/\(path)"
}

/// The absolute path without symbolic links, or nil if there is no such file.
func resolvedPath(_ path: String) -> String? {
  guard let resolved = unsafe realpath(path, nil) else { return nil }
  defer { unsafe free(resolved) }
  return unsafe String(cString: resolved)
}
