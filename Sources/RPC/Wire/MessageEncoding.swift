internal import Gzip

/// How messages are compressed: a value of `grpc-encoding`. Source: gRPC "Compression".
public enum MessageEncoding: Sendable {
  case identity
  case gzip

  /// What a server says that it takes, in `grpc-accept-encoding`.
  static let accepted = "identity,gzip"

  /// - Returns: nil for codings that we do not have.
  init?(_ name: RawSpan) {
    if name.equals("identity") {
      self = .identity
    } else if name.equals("gzip") {
      self = .gzip
    } else {
      return nil
    }
  }

  /// Whether a list such as `identity, deflate, gzip` holds gzip.
  static func listHoldsGzip(_ list: String) -> Bool {
    list.split(separator: ",").contains { $0.drop { $0 == " " }.prefix { $0 != " " } == "gzip" }
  }

  /// The compressed message in `range` of `bytes`, expanded.
  ///
  /// - Parameter byteLimit: Bytes of the expanded message: expanding stops there.
  static func expand(_ bytes: [UInt8], _ range: Range<Int>, byteLimit: Int) throws(RPCStatus) -> [UInt8] {
    do throws(GzipError) {
      return try unsafe Gzip.expand(bytes.span.bytes.extracting(range), bytesMax: byteLimit)
    } catch {
      switch error {
      case .corrupt: throw RPCStatus(.internal, "The message is not the gzip that it is flagged as.")
      case .tooLarge:
        throw RPCStatus(
          .resourceExhausted, "The message expands to more than the \(byteLimit) bytes that are accepted.")
      case .outOfMemory: throw RPCStatus(.resourceExhausted, "There is no memory to expand the message.")
      }
    }
  }
}

extension MessageEncoding {
  /// Appends bytes compressed with gzip.
  /// - Returns: false, and nothing is appended, when there is no memory for it.
  static func compress(_ plain: [UInt8], appendingTo buffer: inout [UInt8]) -> Bool {
    let start = buffer.count
    do throws(GzipError) { try unsafe Gzip.compress(plain.span.bytes, appendingTo: &buffer) } catch {
      buffer.removeLast(buffer.count - start)
      return false
    }
    return true
  }
}

extension MessageFraming {
  /// Appends a prefix that says "compressed" and the message that `body` appends, compressed. Where
  /// there is no memory for compressing, the message goes as it is: the flag decides for each
  /// message.
  static func appendCompressed(to buffer: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    var plain: [UInt8] = []
    body(&plain)
    let start = buffer.count
    append(to: &buffer) { buffer in
      guard MessageEncoding.compress(plain, appendingTo: &buffer) else { return buffer.append(contentsOf: plain) }
      buffer[start] = 1
    }
  }
}
