import Cryptography
import Glibc
@testable import Operations
import Testing

@Suite struct ServerKeyFileTests {
  private let folder = TemporaryFolder()

  @Test("a file that was made is read again, is its owner's only, and is not made twice")
  func makes() throws {
    let path = "\(folder.path)/deeper/key"
    #expect(try ServerKeyFile.read(path) == nil)
    let made = try ServerKeyFile.make(path)
    #expect(try ServerKeyFile.read(path) == made)
    #expect(try ServerKeyFile.make(path) == made)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(try Files.names(in: "\(folder.path)/deeper") == ["key"])
  }

  @Test("a replaced file holds the new key and the previous one")
  func replaces() throws {
    let path = "\(folder.path)/key"
    let rotated = try ServerKeyFile.make(path).rotated
    try ServerKeyFile.replace(path, with: rotated)
    #expect(try ServerKeyFile.read(path) == rotated)
    try ServerKeyFile.replace(path, with: rotated.withoutPrevious)
    #expect(try ServerKeyFile.read(path)?.hasPrevious == false)
  }
}
