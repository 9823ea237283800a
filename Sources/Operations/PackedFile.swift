internal import Cryptography
internal import Glibc

/// A compressed and encrypted file on its way: bytes go through zstd and age, and their hash is
/// taken of what arrives.
final class PackedFile {
  /// Where the bytes go in.
  let input: Descriptor
  private let compressor: Program
  private let encryptor: Program
  private let writer: Worker<Result<(sha256: [UInt8], byteCount: Int64), OperationsError>>

  /// - Parameter recipients: age's options that say to whom.
  init(_ path: String, _ recipients: [String], _ progress: Progress) throws(OperationsError) {
    let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
    let (plainOutput, plainInput) = try Descriptor.pipe()
    let (compressedOutput, compressedInput) = try Descriptor.pipe()
    let (encryptedOutput, encryptedInput) = try Descriptor.pipe()
    compressor = try Program(["zstd", "-q", "-c"], input: plainOutput, output: compressedInput, progress: progress)
    do throws(OperationsError) {
      encryptor = try Program(
        ["age", "--encrypt"] + recipients, input: compressedOutput, output: encryptedInput,
        progress: progress)
    } catch {
      plainInput.close()
      compressedOutput.close()
      _ = compressor.failure()
      throw error
    }
    input = plainInput
    // Ours are closed here and now: whoever reads would wait for an end that never comes.
    plainOutput.close()
    compressedInput.close()
    compressedOutput.close()
    encryptedInput.close()
    // Safe to send: from here on only this worker touches them.
    let ends = UncheckedBox((encryptedOutput, file))
    writer = Worker { () -> Result<(sha256: [UInt8], byteCount: Int64), OperationsError> in
      let (source, file) = ends.value
      // Closed whatever happens: age must not wait for a reader that has given up.
      defer {
        source.close()
        file.close()
      }
      let hash = ByteHash()
      let counter = ByteCounter { progress.addFile($0) }
      do throws(OperationsError) {
        try Pump.copy(from: source, to: [hash, counter, file])
        try file.synchronize(path)
      } catch {
        return .failure(.fileUnusable("\(path): \(error)"))
      }
      return .success((hash.finish(), counter.byteCount))
    }
  }

  /// Nothing more comes.
  func endInput() { input.close() }

  /// Waits until all is on the disk. After `endInput()`, once.
  func finish() throws(OperationsError) -> (sha256: [UInt8], byteCount: Int64) {
    let written = writer.join()
    let failures = [encryptor.failure(), compressor.failure()].compactMap { $0 }
    // A full disk stops the programs too; it is what the operator must hear of.
    let result = try written.get()
    if let failure = failures.first { throw .programFailed(failure) }
    return result
  }
}
