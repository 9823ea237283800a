/// Binary parameters in libpq's form; reused from statement to statement.
@safe struct ParameterBuffer {
  private var bytes: [UInt8] = []
  private var offsets: [Int] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []
  private var pointers: [UnsafePointer<CChar>?]

  init() { unsafe pointers = [] }

  /// Replaces the content.
  /// - Throws: `.unencodable` or `.limitExceeded(.statementBytesMax)`.
  mutating func encode(_ values: [PostgresValue], bytesMax: Int) throws(DatabaseError) {
    bytes.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    for (index, value) in values.enumerated() {
      let start = bytes.count
      let isPresent: Bool
      do { isPresent = try value.encode(to: &bytes) } catch { throw .unencodable(parameter: index) }
      guard bytes.count <= bytesMax, let length = Int32(exactly: bytes.count - start) else {
        throw .limitExceeded(.statementBytesMax)
      }
      offsets.append(isPresent ? start : -1)
      lengths.append(length)
    }
    if formats.count < values.count {
      formats = Array(repeating: 1, count: values.count)  // 1: binary
    }
  }

  /// Lends libpq's parallel arrays: count, values, lengths, formats.
  mutating func withArrays<Result>(
    _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
  ) -> Result {
    unsafe pointers.removeAll(keepingCapacity: true)
    let count = Int32(offsets.count)
    if bytes.isEmpty { bytes.append(0) }  // an empty value still needs an address
    return unsafe bytes.withUnsafeBytes { bytes in
      for offset in offsets {
        unsafe pointers.append(
          offset < 0 ? nil : bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self))
      }
      return unsafe pointers.withUnsafeBufferPointer { values in
        unsafe lengths.withUnsafeBufferPointer { lengths in
          unsafe formats.withUnsafeBufferPointer { formats in
            unsafe body(count, values.baseAddress, lengths.baseAddress, formats.baseAddress)
          }
        }
      }
    }
  }
}
