internal import CLinux
internal import Glibc

/// Bytes that functions which read files by their paths find under a path, without being on any
/// disk. Gone with this object.
package final class MemoryFile {
  private let descriptor: Descriptor

  /// - Throws: If the system has no room for it.
  package init(_ bytes: [UInt8]) throws(OperationsError) {
    let number = clinux_memory_file()
    guard number >= 0 else { throw .fileUnusable("cannot make a file in memory: \(lastError())") }
    descriptor = Descriptor(owning: number)
    guard try descriptor.write(bytes[...]) else { throw .fileUnusable("cannot write a file in memory") }
  }

  /// In this process only.
  package var path: String { "/proc/self/fd/\(descriptor.number)" }
}
