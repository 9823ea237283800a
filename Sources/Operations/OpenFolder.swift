internal import Cryptography
internal import Glibc
internal import PrivateCluster

/// An open folder, whose entries are used by their names. A link among them is never followed, and
/// a pipe or a device is never taken for a file, whatever changes the folder meanwhile.
struct OpenFolder {
  let path: String
  private let descriptor: Descriptor

  /// Most folders inside of each other that `remove` removes.
  private static let depthMax = 8

  /// Opens a folder that the operator named: links on the way to it are followed.
  init(_ path: String) throws(OperationsError) {
    self.path = path
    descriptor = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
  }

  private init(_ path: String, owning number: Int32) {
    self.path = path
    descriptor = Descriptor(owning: number)
  }

  /// A folder in this one; nil if there is no entry of that name.
  func folder(_ name: String) throws(OperationsError) -> OpenFolder? {
    let number = unsafe openat(descriptor.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if number >= 0 { return OpenFolder("\(path)/\(name)", owning: number) }
    switch errno {
    case ENOENT: return nil
    case ENOTDIR, ELOOP: throw .damaged("\(path)/\(name) is not a folder")
    default: throw .fileUnusable("cannot open \(path)/\(name): \(lastError())")
    }
  }

  /// Makes a folder in this one, accessible to its owner only.
  func makeFolder(_ name: String) throws(OperationsError) -> OpenFolder {
    guard unsafe mkdirat(descriptor.number, name, 0o700) == 0, let made = try folder(name) else {
      throw .fileUnusable("cannot make the folder \(path)/\(name): \(lastError())")
    }
    Files.giveToOwner(ofFolder: descriptor.number, made.descriptor.number)
    return made
  }

  /// Opens a file. One that is made belongs to the folder's owner, and is accessible to it only.
  ///
  /// - Returns: Nil if there is none.
  /// - Throws: `.damaged` if it is not a file.
  func open(_ name: String, _ flags: Int32) throws(OperationsError) -> Descriptor? {
    // Not blocking: a pipe without another end would wait for it.
    let number = unsafe openat(descriptor.number, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
    guard number >= 0 else {
      switch errno {
      case ENOENT: return nil
      case ELOOP, ENXIO, EISDIR: throw .damaged("\(path)/\(name) is not a file")
      default: throw .fileUnusable("cannot open \(path)/\(name): \(lastError())")
      }
    }
    let file = Descriptor(owning: number)
    var status = stat()
    guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged("\(path)/\(name) is not a file")
    }
    if flags & O_CREAT != 0 { Files.giveToOwner(ofFolder: descriptor.number, number) }
    return file
  }

  /// The whole of a file; nil if there is none.
  func read(_ name: String, byteLimit: Int = Files.fileBytesMax) throws(OperationsError) -> [UInt8]? {
    try open(name, O_RDONLY)?.readAll("\(path)/\(name)", byteLimit: byteLimit)
  }

  /// The bytes of a file; nil if there is no file of that name, but perhaps something else.
  func fileBytes(_ name: String) -> Int64? {
    var status = stat()
    guard unsafe fstatat(descriptor.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
      status.st_mode & S_IFMT == S_IFREG
    else { return nil }
    return Int64(status.st_size)
  }

  /// Replaces a file atomically: after a crash, either the old content or the new content is there,
  /// whole and on the disk.
  func replace(_ name: String, with bytes: [UInt8]) throws(OperationsError) {
    // Of several programs that replace it at once, each writes a file of its own.
    let temporary = "\(name).\(ErasureLedger.hex(randomBytes(count: 8))).new"
    guard let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL) else {
      throw .fileUnusable("cannot make \(path)/\(temporary): \(lastError())")
    }
    do throws(OperationsError) {
      _ = try file.write(bytes[...])
      try file.synchronize("\(path)/\(temporary)")
      file.close()
      try rename(temporary, name)
    } catch {
      unsafe unlinkat(descriptor.number, temporary, 0)
      throw error
    }
  }

  /// Renames an entry, and waits until the change is on the disk.
  func rename(_ old: String, _ new: String) throws(OperationsError) {
    guard unsafe renameat(descriptor.number, old, descriptor.number, new) == 0 else {
      throw .fileUnusable("cannot rename \(path)/\(old) to \(new): \(lastError())")
    }
    try synchronize()
  }

  func synchronize() throws(OperationsError) { try descriptor.synchronize(path) }

  /// The names in the folder, sorted.
  func names() throws(OperationsError) -> [String] {
    let again = unsafe openat(descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard again >= 0, let names = folderEntries(owning: again) else {
      throw .fileUnusable("cannot read \(path): \(lastError())")
    }
    return names.sorted()
  }

  /// Removes an entry: a file, a link itself, or a folder with what is in it.
  func remove(_ name: String) throws(OperationsError) { try remove(name, depth: 0) }

  private func remove(_ name: String, depth: Int) throws(OperationsError) {
    if unsafe unlinkat(descriptor.number, name, 0) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM, depth < Self.depthMax, let folder = try folder(name) else {
      throw .fileUnusable("cannot remove \(path)/\(name): \(lastError())")
    }
    for entry in try folder.names() { try folder.remove(entry, depth: depth + 1) }
    guard unsafe unlinkat(descriptor.number, name, AT_REMOVEDIR) == 0 else {
      throw .fileUnusable("cannot remove \(path)/\(name): \(lastError())")
    }
  }
}
