import Glibc
import Operations
import TLS

/// Where a server's certificate is read again, by this process or for it. Blocks its thread.
struct CertificateFiles {
  let files: TLSServerFiles
  /// Reads them as root for a process that has become another user; nil: this process reads them.
  let privileged: PrivilegedFiles?

  /// In a fixed order.
  static func paths(of files: TLSServerFiles) -> [String] {
    [files.certificateChain, files.privateKey, files.clientAuthorities].compactMap { $0 }
  }

  /// What changes when a file is written or replaced.
  func state() -> [String] {
    if let privileged { return privileged.state() }
    return Self.paths(of: files).map { path in
      var status = stat()
      guard stat(path, &status) == 0 else { return "" }
      return "\(status.st_ino) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
    }
  }

  /// Makes what is in the files the context's.
  ///
  /// - Returns: Why they cannot be used; nil: they are.
  func load(into context: TLSContext) -> String? {
    let now = Int64(time(nil))
    guard let privileged else {
      do throws(TLSError) {
        try context.reload(at: now)
        return nil
      } catch {
        return "\(error)"
      }
    }
    let copies: [MemoryFile]
    do throws(OperationsError) { copies = try privileged.read() } catch { return "\(error)" }
    var paths = copies.map(\.path)[...]
    let read = TLSServerFiles(
      certificateChain: paths.removeFirst(), privateKey: paths.removeFirst(), clientAuthorities: paths.popFirst())
    do throws(TLSError) {
      try context.reload(from: read, at: now)
      return nil
    } catch {
      // In the words of an operator, who knows the files by their own names.
      return zip(copies, Self.paths(of: files)).reduce("\(error)") { $0.replacing($1.0.path, with: $1.1) }
    }
  }
}
