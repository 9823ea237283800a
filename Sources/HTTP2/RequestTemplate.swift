internal import HTTP

internal import CNghttp2

/// A request's header fields, laid out once and sent often: only the last one's value is given with
/// each request. Loop-confined.
///
/// nghttp2 neither builds nor copies the fixed ones. A stream keeps the template that it was begun
/// with until it is closed.
@safe public final class RequestTemplate {
  private let pairs: UnsafeMutableBufferPointer<nghttp2_nv>
  private let bytes: UnsafeMutablePointer<UInt8>
  private let hasVaryingField: Bool

  /// - Parameters:
  ///   - fields: Names in lower case, values without CR, LF and NUL, as nghttp2 wants them.
  ///   - varyingName: The name of one more field, whose value comes with each request.
  public init(_ fields: [(name: String, value: String)], varyingName: String? = nil) {
    let all = fields + (varyingName.map { [(name: $0, value: "")] } ?? [])
    unsafe pairs = .allocate(capacity: all.count)
    unsafe bytes = .allocate(capacity: max(1, all.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }))
    hasVaryingField = varyingName != nil
    let fixed = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    let varying = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue)
    var end = 0
    for (index, field) in all.enumerated() {
      let start = end
      for byte in field.name.utf8 {
        unsafe (bytes + end).initialize(to: byte)
        end += 1
      }
      let valueStart = end
      for byte in field.value.utf8 {
        unsafe (bytes + end).initialize(to: byte)
        end += 1
      }
      unsafe pairs.initializeElement(
        at: index,
        to: nghttp2_nv(
          name: bytes + start, value: bytes + valueStart, namelen: valueStart - start, valuelen: end - valueStart,
          flags: hasVaryingField && index == all.count - 1 ? varying : fixed))
    }
  }

  deinit {
    unsafe pairs.deallocate()
    unsafe bytes.deallocate()
  }

  /// Lends the fields in C's form, the last one with `value`. Without a value the varying field is
  /// left out.
  func withNameValues<Result>(_ value: [UInt8], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
    guard hasVaryingField else { return unsafe body(pairs.baseAddress, pairs.count) }
    guard !value.isEmpty else { return unsafe body(pairs.baseAddress, pairs.count - 1) }
    return unsafe value.withUnsafeBufferPointer { value in
      let last = unsafe pairs.count - 1
      // nghttp2 copies it before `body` returns, and does not write through it.
      unsafe pairs[last].value = UnsafeMutablePointer(mutating: value.baseAddress)
      unsafe pairs[last].valuelen = value.count
      return unsafe body(pairs.baseAddress, pairs.count)
    }
  }
}

extension HTTP2Session {
  /// Starts a request whose body is all there. Client only.
  /// - Parameters:
  ///   - value: Of the template's varying field; empty leaves that out.
  ///   - body: Appends the whole body.
  /// - Returns: nil when the connection takes no more streams.
  public func submitRequest(
    _ template: RequestTemplate, value: [UInt8], body: (inout [UInt8]) -> Void
  ) -> HTTP2Stream? {
    let stream = resources.takeStream(for: self)
    stream.template = template
    body(&stream.outbound)
    stream.outboundEnds = true
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    let id = unsafe template.withNameValues(value) { pairs, count in
      unsafe nghttp2_submit_request(handle, nil, pairs, count, &provider, Unmanaged.passUnretained(stream).toOpaque())
    }
    guard id > 0 else {
      resources.give(stream)
      return nil
    }
    stream.id = id
    didOpen(stream)
    return stream
  }
}
