internal import CNghttp2
internal import HTTP

extension HeaderBlock {
  /// Lends the fields in C's form. nghttp2 copies them: the form dies with `body`. It refuses names
  /// that are not in lower case, and values with CR, LF or NUL.
  func withNameValues<Result>(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result) -> Result {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      let base = unsafe UnsafeMutablePointer(mutating: buffer.baseAddress)
      let pairs = unsafe fields.map { field in
        unsafe nghttp2_nv(
          name: base?.advanced(by: field.start), value: base?.advanced(by: field.start + field.nameCount),
          namelen: field.nameCount, valuelen: field.valueCount, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
      }
      return unsafe pairs.withUnsafeBufferPointer { unsafe body($0) }
    }
  }
}

extension ConstantHeaders {
  /// Lends the fields in C's form. nghttp2 does not copy them: their memory lives as long as the
  /// program.
  func withNameValues(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(fields.count, 1)) { pairs in
      let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
      for (index, (name, value)) in fields.enumerated() {
        unsafe pairs.initializeElement(
          at: index,
          to: nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.utf8Start), namelen: name.utf8CodeUnitCount,
            valuelen: value.utf8CodeUnitCount, flags: flags))
      }
      unsafe body(UnsafeBufferPointer(rebasing: pairs[..<fields.count]))
    }
  }
}
