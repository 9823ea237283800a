internal import Glibc
internal import PrivateCluster

/// Small files and folders.
enum Files {
  /// Most bytes of a file that is read whole.
  static let fileBytesMax = 16 * 1_048_576

  /// The whole of a file that the operator named, perhaps by a link; nil if there is none. Files of
  /// a folder that others may write are read by `OpenFolder`.
  static func read(_ path: String, byteLimit: Int = fileBytesMax) throws(OperationsError) -> [UInt8]? {
    guard exists(path) else { return nil }
    return try Descriptor.open(path, O_RDONLY).readAll(path, byteLimit: byteLimit)
  }

  /// Replaces a file atomically: after a crash, either the old content or the new content is there,
  /// whole and on the disk.
  static func replace(_ path: String, with bytes: [UInt8]) throws(OperationsError) {
    try OpenFolder(parent(of: path)).replace(name(of: path), with: bytes)
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

  static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
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
    var status = stat()
    guard unsafe stat(folder, &status) == 0 else { return }
    give(file, toOwnerIn: status)
  }

  /// As `giveToOwner(of:_:)`, for an open folder.
  static func giveToOwner(ofFolder folder: Int32, _ file: Int32) {
    var status = stat()
    guard unsafe fstat(folder, &status) == 0 else { return }
    give(file, toOwnerIn: status)
  }

  private static func give(_ file: Int32, toOwnerIn status: stat) {
    var own = stat()
    guard geteuid() == 0, status.st_uid != 0, unsafe fstat(file, &own) == 0, own.st_uid == 0,
      own.st_mode & S_IFMT == S_IFDIR || own.st_nlink == 1
    else { return }
    _ = fchown(file, status.st_uid, status.st_gid)
  }

  /// The names in a folder, sorted.
  static func names(in path: String) throws(OperationsError) -> [String] {
    guard let names = folderEntries(path) else { throw .fileUnusable("cannot read \(path): \(lastError())") }
    return names.sorted()
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
    guard let file = try OpenFolder(parent(of: path)).open(name(of: path), O_RDWR | O_CREAT) else {
      throw .fileUnusable("cannot make \(path): \(lastError())")
    }
    return flock(file.number, LOCK_EX | LOCK_NB) == 0 ? file : nil
  }
}
