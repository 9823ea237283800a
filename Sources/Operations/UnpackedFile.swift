internal import Glibc
internal import PrivateCluster

/// An encrypted file while it is read: it goes through age and zstd, and the dump comes out. The
/// same bytes are hashed and decrypted, so a file that is exchanged after its check is noticed.
final class UnpackedFile {
  private let decryptor: Program
  private let decompressor: Program
  private let reader: OwnThread<Result<[UInt8], OperationsError>>
  let output: Descriptor

  /// - Parameters:
  ///   - file: The encrypted file, at its begin.
  ///   - identity: The path of the file with the private key.
  init(_ file: Descriptor, identity: String) throws(OperationsError) {
    guard Files.exists(identity) else { throw .refused("there is no key file \(identity)") }
    let (encryptedOutput, encryptedInput) = try Descriptor.pipe()
    let (compressedOutput, compressedInput) = try Descriptor.pipe()
    let (plainOutput, plainInput) = try Descriptor.pipe()
    // Only age, which reads the private key, has more rights: a forged file must not reach programs
    // with root's rights.
    let user = try ServerUser.chosen()
    decryptor = try Program(
      ["age", "--decrypt", "-i", Files.absolute(identity)], input: encryptedOutput, output: compressedInput)
    encryptedOutput.close()
    compressedInput.close()
    do throws(OperationsError) {
      decompressor = try Program(
        ["zstd", "-q", "-d", "-c"], input: compressedOutput, output: plainInput, user: user)
    } catch {
      compressedOutput.close()
      encryptedInput.close()
      _ = decryptor.failure()
      throw error
    }
    compressedOutput.close()
    plainInput.close()
    output = plainOutput
    // Safe to send: until the worker has been joined, only its thread uses them.
    let ends = TransferBox((file, encryptedInput))
    reader = OwnThread { () -> Result<[UInt8], OperationsError> in
      let (file, input) = ends.value
      defer {
        input.close()
        file.close()
      }
      let hash = ByteHash()
      do throws(OperationsError) {
        // The hash covers the whole file, also the bytes after the decryption has ended.
        try StreamCopy.copy(from: file, to: [hash, input])
        return .success(hash.finish())
      } catch {
        return .failure(error)
      }
    }
  }

  /// The failure, first cause first; nil if the whole dump came out and the file has this hash.
  /// Call it once, after the output's end.
  ///
  /// - Parameter endedEarly: The reader of the output stopped early: the programs' resulting errors
  ///   are ignored.
  func failure(sha256: [UInt8], endedEarly: Bool = false) -> String? {
    output.close()
    let failures = [decryptor.failure(), decompressor.failure()].compactMap { $0 }
    switch reader.join() {
    case .failure(let error): return error.description
    case .success(let hash):
      if !endedEarly, let failure = failures.first { return failure }
      return hash == sha256 ? nil : "the file has changed while it was read"
    }
  }
}
