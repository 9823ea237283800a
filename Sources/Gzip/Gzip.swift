internal import CZlib

/// Why bytes could not be expanded.
public enum GzipError: Error, Equatable {
  /// The bytes are not one whole gzip member and nothing else.
  case corrupt
  /// They expand to more than was allowed.
  case tooLarge
  /// The machine had no memory for it.
  case outOfMemory
}

/// gzip as of RFC 1952, through zlib: one buffer in, one buffer out.
public enum Gzip {
  /// zlib's level: fast, since what is compressed here is compressed once and sent once.
  static let level: Int32 = 4
  /// Bytes by which an expanding buffer begins and at most grows at once.
  static let stepBytesMax = 65_536

  /// Appends `bytes`, compressed, to `output`.
  public static func compress(_ bytes: RawSpan, appendingTo output: inout [UInt8]) throws(GzipError) {
    var stream = unsafe z_stream()
    guard unsafe streak_deflate_init(&stream, level) == Z_OK else { throw .outOfMemory }
    defer { unsafe deflateEnd(&stream) }
    let start = output.count
    let bound = unsafe Int(deflateBound(&stream, UInt(bytes.byteCount)))
    output.append(contentsOf: repeatElement(0, count: bound))
    let status = unsafe output.withUnsafeMutableBytes { output in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe feed(&stream, bytes)
        unsafe give(&stream, UnsafeMutableRawBufferPointer(rebasing: output[start...]))
        return unsafe deflate(&stream, Z_FINISH)
      }
    }
    guard status == Z_STREAM_END else {
      output.removeSubrange(start...)
      throw .outOfMemory
    }
    let end = unsafe start + Int(stream.total_out)
    output.removeSubrange(end...)
  }

  /// What `bytes` expand to.
  ///
  /// - Parameter bytesMax: Expanding stops one byte past this many. The buffer grows by doubling: while it grows, it and its
  ///   predecessor together take at most three times as much.
  public static func expand(_ bytes: RawSpan, bytesMax: Int) throws(GzipError) -> [UInt8] {
    var stream = unsafe z_stream()
    guard unsafe streak_inflate_init(&stream) == Z_OK else { throw .outOfMemory }
    defer { unsafe inflateEnd(&stream) }
    var output: [UInt8] = []
    return try unsafe bytes.withUnsafeBytes { bytes throws(GzipError) in
      unsafe feed(&stream, bytes)
      while true {
        let start = output.count
        let room = min(max(start, 4_096), stepBytesMax, bytesMax + 1 - start)
        guard room > 0 else { throw .tooLarge }
        output.append(contentsOf: repeatElement(0, count: room))
        let status = unsafe output.withUnsafeMutableBytes { output in
          unsafe give(&stream, UnsafeMutableRawBufferPointer(rebasing: output[start...]))
          return unsafe inflate(&stream, Z_NO_FLUSH)
        }
        let end = unsafe output.count - Int(stream.avail_out)
        output.removeSubrange(end...)
        guard output.count <= bytesMax else { throw .tooLarge }
        switch status {
        case Z_STREAM_END:
          guard unsafe stream.avail_in == 0 else { throw .corrupt }
          return output
        // All input used, and no end: it was cut short. Otherwise there is more to come.
        case Z_OK: if unsafe stream.avail_in == 0 && stream.avail_out > 0 { throw .corrupt }
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt
        }
      }
    }
  }

  private static func feed(_ stream: inout z_stream, _ bytes: UnsafeRawBufferPointer) {
    // zlib does not write through `next_in`; its type only lacks the const.
    unsafe stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    unsafe stream.avail_in = UInt32(clamping: bytes.count)
  }

  private static func give(_ stream: inout z_stream, _ room: UnsafeMutableRawBufferPointer) {
    unsafe stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.avail_out = UInt32(clamping: room.count)
  }
}
