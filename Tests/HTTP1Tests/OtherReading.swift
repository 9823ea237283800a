import CHTTPParser

/// Debian's http_parser's reading of a connection's bytes.
final class OtherReading {
  struct Request: Equatable {
    var method = ""
    var target: [UInt8] = []
    /// Names and values as received.
    var fields: [(name: [UInt8], value: [UInt8])] = []
    var body: [UInt8] = []
    var hasHead = false
    var isWhole = false

    static func == (one: Request, other: Request) -> Bool {
      one.method == other.method && one.target == other.target && one.body == other.body
        && one.isWhole == other.isWhole && one.fields.elementsEqual(other.fields, by: ==)
    }
  }

  /// The methods that it knows.
  static let methods = Set(
    (0...UInt32(HTTP_SOURCE.rawValue)).compactMap { http_method_str(http_method($0)).map { String(cString: $0) } })

  private(set) var requests: [Request] = []
  /// The parser's error, such as `HPE_INVALID_METHOD`; nil: none.
  private(set) var error: String?
  private var isInValue = false

  init(_ bytes: [UInt8]) {
    var parser = http_parser()
    http_parser_init(&parser, HTTP_REQUEST)
    parser.data = Unmanaged.passUnretained(self).toOpaque()
    var settings = http_parser_settings()
    http_parser_settings_init(&settings)
    settings.on_message_begin = { parser in
      OtherReading.of(parser)?.requests.append(Request())
      return 0
    }
    settings.on_url = { parser, start, count in
      OtherReading.of(parser)?.change { $0.target += OtherReading.bytes(start, count) }
      return 0
    }
    settings.on_header_field = { parser, start, count in
      OtherReading.of(parser)?.name(OtherReading.bytes(start, count))
      return 0
    }
    settings.on_header_value = { parser, start, count in
      OtherReading.of(parser)?.value(OtherReading.bytes(start, count))
      return 0
    }
    settings.on_headers_complete = { parser in
      guard let parser, let method = streak_http_method(parser) else { return 0 }
      streak_http_ignore_upgrade(parser)
      let name = String(cString: method)
      OtherReading.of(parser)?.change {
        $0.method = name
        $0.hasHead = true
      }
      return 0
    }
    settings.on_body = { parser, start, count in
      OtherReading.of(parser)?.change { $0.body += OtherReading.bytes(start, count) }
      return 0
    }
    settings.on_message_complete = { parser in
      OtherReading.of(parser)?.change { $0.isWhole = true }
      return 0
    }
    bytes.withUnsafeBytes { bytes in
      _ = http_parser_execute(&parser, &settings, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    let number = streak_http_errno(&parser)
    if number != HPE_OK, let name = http_errno_name(number) { error = String(cString: name) }
  }

  private static func of(_ parser: UnsafeMutablePointer<http_parser>?) -> OtherReading? {
    parser?.pointee.data.map { Unmanaged<OtherReading>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> [UInt8] {
    UnsafeRawBufferPointer(start: start, count: count).map { $0 }
  }

  private func change(_ body: (inout Request) -> Void) {
    guard !requests.isEmpty else { return }
    body(&requests[requests.count - 1])
  }

  private func name(_ bytes: [UInt8]) {
    change { request in
      // Trailer fields are not compared.
      guard !request.hasHead else { return }
      if isInValue || request.fields.isEmpty { request.fields.append((name: [], value: [])) }
      request.fields[request.fields.count - 1].name += bytes
    }
    isInValue = false
  }

  private func value(_ bytes: [UInt8]) {
    isInValue = true
    change { request in
      guard !request.hasHead, !request.fields.isEmpty else { return }
      request.fields[request.fields.count - 1].value += bytes
    }
  }
}
