internal import Glibc
internal import PrivateCluster

/// An encrypted file on its way back: age and zstd, and then what was dumped. The hash is taken of
/// the very bytes that are decrypted: a file that is exchanged after it was looked at is noticed.
final class UnpackedFile {
  private let decryptor: Program
  private let decompressor: Program
  private let reader: Worker<Result<[UInt8], OperationsError>>
  let output: Descriptor

  /// - Parameter identity: The path of the file with the private key.
  init(_ path: String, identity: String) throws(OperationsError) {
    guard Files.exists(identity) else { throw .refused("there is no key file \(identity)") }
    let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
    let (encryptedOutput, encryptedInput) = try Descriptor.pipe()
    let (compressedOutput, compressedInput) = try Descriptor.pipe()
    let (plainOutput, plainInput) = try Descriptor.pipe()
    // Nothing of a file that may be forged is read with more rights than that takes; age needs the
    // private key.
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
    // Safe to send: from here on only this worker touches them.
    let ends = UncheckedBox((file, encryptedInput))
    reader = Worker { () -> Result<[UInt8], OperationsError> in
      let (file, input) = ends.value
      defer {
        input.close()
        file.close()
      }
      let hash = ByteHash()
      do throws(OperationsError) {
        // The hash covers all of it, also after the decryption has ended.
        try Pump.copy(from: file, to: [hash, input])
        return .success(hash.finish())
      } catch {
        return .failure(error)
      }
    }
  }

  /// What went wrong, first cause first; nil if all came out and the file was the one with this
  /// hash. After the output's end, once.
  ///
  /// - Parameter endedEarly: The reader of the output has stopped reading: what the programs say
  ///   about that is of no interest.
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
