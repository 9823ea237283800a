internal import Gzip

/// How messages are compressed: a value of `grpc-encoding`. Source: gRPC "Compression".
public enum MessageEncoding: Sendable {
  case identity
  case gzip

  /// What a server says that it takes, in `grpc-accept-encoding`.
  static let accepted = "identity,gzip"

  /// The coding that `grpc-encoding` names. In lower case alone, as gRPC's specification writes the
  /// names and its implementations look them up.
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

  /// The coding of a body after the codings of a list were applied to it, in their order.
  ///
  /// Connect's fields name HTTP's content codings: case means nothing, `x-gzip` is `gzip`, and
  /// several field lines are one list. Source: RFC 9110, sections 8.4 and 8.4.1.
  /// - Returns: nil for codings that we do not have, and for gzip within gzip.
  func applying(contentCodings list: RawSpan) -> MessageEncoding? {
    var encoding = self
    let text = unsafe list.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    for coding in text.split(separator: ",") {
      switch coding.trimmingSpace.lowercased() {
      case "", "identity": break
      case "gzip", "x-gzip":
        guard encoding == .identity else { return nil }
        encoding = .gzip
      default: return nil
      }
    }
    return encoding
  }

  /// The compressed message in `range` of `bytes`, expanded.
  ///
  /// - Parameters:
  ///   - byteLimit: Bytes of the expanded message: expanding stops there.
  ///   - corruptCode: The status of what is not gzip.
  static func expand(
    _ bytes: [UInt8], _ range: Range<Int>, byteLimit: Int, corruptCode: RPCStatusCode = .internal
  ) throws(RPCStatus) -> [UInt8] {
    do throws(GzipError) {
      return try unsafe Gzip.expand(bytes.span.bytes.extracting(range), bytesMax: byteLimit)
    } catch {
      switch error {
      case .corrupt:
        throw RuntimeReason.malformedRequest.status(corruptCode, "The message is not the gzip that it is flagged as.")
      case .tooLarge:
        throw RPCStatus(
          .resourceExhausted, "The message expands to more than the \(byteLimit) bytes that are accepted.")
      case .outOfMemory: throw .noRoom
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

  /// Appends bytes compressed with gzip where that makes them fewer, and else as they are.
  /// - Returns: Whether they are compressed.
  static func compressIfSmaller(_ plain: [UInt8], appendingTo buffer: inout [UInt8]) -> Bool {
    let start = buffer.count
    if compress(plain, appendingTo: &buffer) {
      if buffer.count - start < plain.count { return true }
      buffer.removeLast(buffer.count - start)
    }
    buffer.append(contentsOf: plain)
    return false
  }
}

extension MessageFraming {
  /// Appends a prefix and the message that `body` appends, compressed: the prefix says of each
  /// message whether it is.
  /// - Parameter always: Also where that makes it no smaller.
  static func appendCompressed(to buffer: inout [UInt8], always: Bool = false, _ body: (inout [UInt8]) -> Void) {
    var plain: [UInt8] = []
    body(&plain)
    let start = buffer.count
    append(to: &buffer) { buffer in
      if always, MessageEncoding.compress(plain, appendingTo: &buffer) {
        buffer[start] = 1
      } else if MessageEncoding.compressIfSmaller(plain, appendingTo: &buffer) {
        buffer[start] = 1
      }
    }
  }
}
