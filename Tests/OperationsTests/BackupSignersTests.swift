import Glibc
@testable import Operations
import Testing

@Suite struct BackupSignersTests {
  private let folder = TemporaryFolder()

  private func key(_ name: String = "key") throws -> BackupSigningKey {
    try BackupSigningKey(file: "\(folder.path)/state/\(name)")
  }

  @Test("the file is made once, accessible to our own user only, and keeps its key")
  func made() throws {
    let first = try key()
    #expect(try key().signer == first.signer)
    var status = stat()
    #expect(stat("\(folder.path)/state/key", &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(try Files.names(in: "\(folder.path)/state") == ["key"])
    #expect(try key("other").signer != first.signer)
  }

  @Test("a key file that others can read, or that holds no key, is refused", arguments: 0..<3)
  func unusable(kind: Int) throws {
    _ = try key()
    let path = "\(folder.path)/state/key"
    switch kind {
    case 0: #expect(chmod(path, 0o640) == 0)
    case 1: #expect(chmod(path, 0o604) == 0)
    default: try Files.replace(path, with: Array("streakd-signing-key-00\n".utf8))
    }
    #expect(throws: OperationsError.self) { try key() }
  }

  @Test("a manifest passes with the signature of a known key, and with no other")
  func signatures() throws {
    let (ours, theirs) = (try key(), try key("theirs"))
    let manifest = Array("{}".utf8)
    let signers = try BackupSigners(named: [ours.signer], identity: nil)
    #expect(signers.failure(of: BackupSigners.signature(ours, manifest), manifest: manifest) == nil)
    #expect(signers.failure(of: BackupSigners.signature(ours, manifest), manifest: manifest + [10]) != nil)
    #expect(signers.failure(of: BackupSigners.signature(theirs, manifest), manifest: manifest) != nil)
    // A known signer's name with another key's signature.
    let borrowed = Array("\(ours.signer) \(ErasureLedger.hex(theirs.sign(manifest)))\n".utf8)
    #expect(signers.failure(of: borrowed, manifest: manifest) != nil)
    for text in [nil, "", "x", "\(ours.signer) zz", "\(ours.signer) 00 00"] {
      #expect(signers.failure(of: text.map { Array($0.utf8) }, manifest: manifest) != nil, "\(text ?? "none")")
    }
    #expect(BackupSigners.unchecked.failure(of: nil, manifest: manifest) == nil)
  }

  @Test("signers come from an option, a file, or a comment beside the private key; a wrong name is refused")
  func names() throws {
    let key = try key()
    let manifest = Array("{}".utf8)
    folder.write(Array("# of a server\n\(key.signer)\n".utf8), "signers")
    folder.write(Array("# \(key.signer) since 2026\nAGE-SECRET-KEY-1\n".utf8), "identity")
    for signers in [
      try BackupSigners(named: ["\(folder.path)/signers"], identity: nil),
      try BackupSigners(named: [], identity: "\(folder.path)/identity"),
    ] {
      #expect(
        signers.canCheck && signers.failure(of: BackupSigners.signature(key, manifest), manifest: manifest) == nil)
    }
    for wrong in ["streakd-signer-00", "\(folder.path)/none", "\(folder.path)/identity.none", "x"] {
      #expect(throws: OperationsError.self, "\(wrong)") { try BackupSigners(named: [wrong], identity: nil) }
    }
  }
}
