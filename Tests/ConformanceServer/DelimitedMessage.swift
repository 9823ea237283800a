import Glibc
import ProtobufCodec

/// Messages on a pipe, each after its length in four bytes, big-endian: the format between the
/// suite's runner and the programs that it starts.
enum DelimitedMessage {
  /// The most bytes of a message: the runner's hold a few certificates.
  static let bytesMax = 1 << 20

  /// - Throws: If the pipe ends early, or does not hold the message.
  static func read<Message: ProtobufMessage>(_ type: Message.Type, from descriptor: Int32) throws -> Message {
    let count = try read(4, from: descriptor).reduce(0) { $0 << 8 | Int($1) }
    guard count <= bytesMax else { throw ConformanceServerError("The message has \(count) bytes.") }
    return try Message(protobufBytes: try read(count, from: descriptor))
  }

  static func write<Message: ProtobufMessage>(_ message: Message, to descriptor: Int32) throws {
    let bytes = message.protobufBytes()
    let output = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) } + bytes
    var written = 0
    while written < output.count {
      let count = output[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw ConformanceServerError("Standard output is closed.") }
      written += count
    }
  }

  private static func read(_ count: Int, from descriptor: Int32) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let taken = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress.map { $0 + filled }, count - filled)
      }
      if taken < 0 && errno == EINTR { continue }
      guard taken > 0 else { throw ConformanceServerError("Standard input ended early.") }
      filled += taken
    }
    return bytes
  }
}
