internal import Cryptography
internal import Glibc

/// A compressed and encrypted file while it is written: the bytes go through zstd and age, and the
/// encrypted bytes are hashed.
final class PackedFile {
  /// The end to write the plain bytes to.
  let input: Descriptor
  private let compressor: Program
  private let encryptor: Program
  private let writer: OwnThread<Result<(sha256: [UInt8], byteCount: Int64), OperationsError>>

  /// - Parameters:
  ///   - name: Of the file, which must not exist.
  ///   - recipients: age's options for the recipients.
  init(
    _ name: String, in folder: OpenFolder, _ recipients: [String], _ progress: Progress
  ) throws(OperationsError) {
    let path = "\(folder.path)/\(name)"
    guard let file = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL) else {
      throw .fileUnusable("cannot make \(path): \(lastError())")
    }
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
    // Our copies of the pipes' ends are closed now: otherwise the readers would never see the end.
    plainOutput.close()
    compressedInput.close()
    compressedOutput.close()
    encryptedInput.close()
    // Safe to send: until the worker has been joined, only its thread uses them.
    let ends = TransferBox((encryptedOutput, file))
    writer = OwnThread { () -> Result<(sha256: [UInt8], byteCount: Int64), OperationsError> in
      let (source, file) = ends.value
      // Closed in every case: otherwise age would wait for a reader that has stopped.
      defer {
        source.close()
        file.close()
      }
      let hash = ByteHash()
      let counter = ByteCounter { progress.addFile($0) }
      do throws(OperationsError) {
        try StreamCopy.copy(from: source, to: [hash, counter, file])
        try file.synchronize(path)
      } catch {
        return .failure(.fileUnusable("\(path): \(error)"))
      }
      return .success((hash.finish(), counter.byteCount))
    }
  }

  /// Ends the input.
  func endInput() { input.close() }

  /// Waits until all bytes are on the disk. Call it once, after `endInput()`.
  func finish() throws(OperationsError) -> (sha256: [UInt8], byteCount: Int64) {
    let written = writer.join()
    let failures = [encryptor.failure(), compressor.failure()].compactMap { $0 }
    // A full disk stops the programs too, and is the cause that the operator needs to know.
    let result = try written.get()
    if let failure = failures.first { throw .programFailed(failure) }
    return result
  }
}
