internal import Glibc
internal import PrivateCluster

/// Small files and folders.
enum Files {
  /// Most bytes of a file that is read whole.
  static let fileBytesMax = 16 * 1_048_576

  /// The whole of a file; nil if there is none.
  static func read(_ path: String, byteLimit: Int = fileBytesMax) throws(OperationsError) -> [UInt8]? {
    guard exists(path) else { return nil }
    let file = try Descriptor.open(path, O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = try file.read(into: &chunk)
      guard count > 0 else { return bytes }
      guard bytes.count + count <= byteLimit else {
        throw .fileUnusable("\(path) is larger than \(byteLimit) bytes")
      }
      bytes += chunk[..<count]
    }
  }

  /// Replaces a file atomically: after a crash, either the old content or the new content is there,
  /// whole and on the disk.
  static func replace(_ path: String, with bytes: [UInt8]) throws(OperationsError) {
    let temporary = "\(path).new"
    let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    do throws(OperationsError) {
      _ = try file.write(bytes[...])
      try file.synchronize(temporary)
      file.close()
      try rename(temporary, path)
    } catch {
      unsafe unlink(temporary)
      throw error
    }
  }

  /// Renames, and waits until the folder's change is on the disk.
  static func rename(_ old: String, _ new: String) throws(OperationsError) {
    guard unsafe Glibc.rename(old, new) == 0 else {
      throw .fileUnusable("cannot rename \(old) to \(new): \(lastError())")
    }
    try synchronizeFolder(parent(of: new))
  }

  static func synchronizeFolder(_ path: String) throws(OperationsError) {
    try Descriptor.open(path, O_RDONLY | O_DIRECTORY).synchronize(path)
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Makes a folder, with its parents, accessible to our own user only.
  static func makeFolder(_ path: String) throws(OperationsError) {
    guard !exists(path) else { return }
    let above = parent(of: path)
    if above != path { try makeFolder(above) }
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw .fileUnusable("cannot make the folder \(path): \(lastError())")
    }
    let folder = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    giveToOwner(of: above, folder.number)
  }

  /// What root makes in another user's folder belongs to that user: a backup folder is shared by an
  /// operator's commands and a server that is not root.
  static func giveToOwner(of folder: String, _ file: Int32) {
    var (status, own) = (stat(), stat())
    guard geteuid() == 0, unsafe stat(folder, &status) == 0, status.st_uid != 0, unsafe fstat(file, &own) == 0,
      own.st_uid == 0, own.st_mode & S_IFMT == S_IFDIR || own.st_nlink == 1
    else { return }
    _ = fchown(file, status.st_uid, status.st_gid)
  }

  /// The names in a folder, sorted.
  static func names(in path: String) throws(OperationsError) -> [String] {
    guard let names = folderEntries(path) else { throw .fileUnusable("cannot read \(path): \(lastError())") }
    return names.sorted()
  }

  /// Removes a folder that contains files only.
  static func removeFolder(_ path: String) throws(OperationsError) {
    for name in try names(in: path) { unsafe unlink("\(path)/\(name)") }
    guard unsafe rmdir(path) == 0 else { throw .fileUnusable("cannot remove \(path): \(lastError())") }
  }

  /// The absolute path without symbolic links, because children have another working folder.
  static func absolute(_ path: String) -> String {
    if let resolved = unsafe realpath(path, nil) {
      defer { unsafe free(resolved) }
      return unsafe String(cString: resolved)
    }
    guard !path.hasPrefix("/"), let here = unsafe realpath(".", nil) else { return path }
    defer { unsafe free(here) }
    return "\(unsafe String(cString: here))/\(path)"
  }

  /// Takes a lock, which the system releases when this program ends; nil if another program holds
  /// it.
  static func lock(_ path: String) throws(OperationsError) -> Descriptor? {
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
    return flock(file.number, LOCK_EX | LOCK_NB) == 0 ? file : nil
  }
}
