internal import Glibc

/// An encrypted file on its way back: age and zstd, and then what was dumped.
final class UnpackedFile {
  private let decryptor: Program
  private let decompressor: Program
  let output: Descriptor

  /// - Parameter identity: The path of the file with the private key.
  init(_ path: String, identity: String) throws(OperationsError) {
    guard Files.exists(identity) else { throw .refused("there is no key file \(identity)") }
    let file = try Descriptor.open(path, O_RDONLY)
    let (compressedOutput, compressedInput) = try Descriptor.pipe()
    let (plainOutput, plainInput) = try Descriptor.pipe()
    decryptor = try Program(
      ["age", "--decrypt", "-i", Files.absolute(identity)], input: file, output: compressedInput)
    file.close()
    compressedInput.close()
    do throws(OperationsError) {
      decompressor = try Program(["zstd", "-q", "-d", "-c"], input: compressedOutput, output: plainInput)
    } catch {
      compressedOutput.close()
      _ = decryptor.failure()
      throw error
    }
    compressedOutput.close()
    plainInput.close()
    output = plainOutput
  }

  /// What went wrong, first cause first; nil if all came out. After the output's end, once.
  func failure() -> String? {
    output.close()
    let failures = [decryptor.failure(), decompressor.failure()].compactMap { $0 }
    return failures.first
  }
}
