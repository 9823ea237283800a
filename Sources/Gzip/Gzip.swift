internal import CZlib

/// Why bytes could not be expanded.
public enum GzipError: Error, Equatable {
  /// The bytes are not exactly one whole gzip member.
  case corrupt
  /// The expanded bytes exceed the limit.
  case tooLarge
  /// Memory ran out.
  case outOfMemory
}

/// gzip of RFC 1952, through zlib: one buffer in, one buffer out.
public enum Gzip {
  /// How much time compressing may take.
  public enum Level: Sendable {
    /// For what is compressed once and sent once.
    case fast
    /// For what is compressed once and sent often.
    case smallest

    /// zlib's level.
    var number: Int32 {
      switch self {
      case .fast: 4
      case .smallest: 9
      }
    }
  }

  /// The most by which expanding multiplies bytes. Source: zlib, "Technical Details", "Maximum
  /// Compression Factor".
  public static let expansionMax = 1_032
  /// The first size of the output buffer, in bytes, and most bytes by which it grows at once.
  static let stepBytesMax = 65_536

  /// Appends `bytes`, compressed, to `output`.
  public static func compress(
    _ bytes: RawSpan, level: Level = .fast, appendingTo output: inout [UInt8]
  ) throws(GzipError) {
    var stream = unsafe z_stream()
    guard unsafe czlib_deflate_init(&stream, level.number) == Z_OK else { throw .outOfMemory }
    defer { unsafe deflateEnd(&stream) }
    let start = output.count
    let bound = unsafe Int(deflateBound(&stream, UInt(bytes.byteCount)))
    let status = unsafe bytes.withUnsafeBytes { bytes in
      unsafe feed(&stream, bytes)
      return unsafe append(bound, to: &output, from: &stream) { stream in unsafe deflate(&stream, Z_FINISH) }
    }
    guard status == Z_STREAM_END else {
      output.removeSubrange(start...)
      throw .outOfMemory
    }
  }

  /// The expanded form of `bytes`.
  ///
  /// - Parameter bytesMax: Expanding stops one byte past this many. The buffer grows by doubling;
  ///   while it grows, it and its predecessor together take at most three times as much.
  public static func expand(_ bytes: RawSpan, bytesMax: Int) throws(GzipError) -> [UInt8] {
    var stream = unsafe z_stream()
    guard unsafe czlib_inflate_init(&stream) == Z_OK else { throw .outOfMemory }
    defer { unsafe inflateEnd(&stream) }
    var output: [UInt8] = []
    return try unsafe bytes.withUnsafeBytes { bytes throws(GzipError) in
      unsafe feed(&stream, bytes)
      while true {
        let start = output.count
        let room = min(max(start, 4_096), stepBytesMax, bytesMax + 1 - start)
        guard room > 0 else { throw .tooLarge }
        let status = unsafe append(room, to: &output, from: &stream) { stream in unsafe inflate(&stream, Z_NO_FLUSH) }
        guard output.count <= bytesMax else { throw .tooLarge }
        switch status {
        case Z_STREAM_END:
          guard unsafe stream.avail_in == 0 else { throw .corrupt }
          return output
        // All input is used, and the end is missing: the data was cut short. Otherwise more output
        // follows.
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

  /// Appends the output of one call of zlib, at most `bytesMax` bytes.
  private static func append(
    _ bytesMax: Int, to output: inout [UInt8], from stream: inout z_stream, _ call: (inout z_stream) -> Int32
  ) -> Int32 {
    var status = Z_OK
    output.append(addingCapacity: bytesMax) { room in
      unsafe room.withUnsafeMutableBufferPointer { room, filledCount in
        unsafe stream.next_out = room.baseAddress
        let offered = UInt32(clamping: min(bytesMax, room.count))
        unsafe stream.avail_out = offered
        status = unsafe call(&stream)
        filledCount = unsafe Int(offered - stream.avail_out)
      }
    }
    return status
  }
}
