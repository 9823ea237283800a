internal import GRPCSchema
internal import HTTP
internal import HTTP2
internal import ProtobufCodec

/// A status's message and details as they are sent, within a number of bytes.
///
/// Where not everything fits, the parts survive in this order: the reason (`ErrorInfo` without its
/// metadata), the beginning of the message, `RetryInfo`, the metadata of `ErrorInfo`, as many
/// violations of `BadRequest` as fit, any other detail that fits, and the rest of the message.
struct FittedStatus {
  /// The value of `grpc-message`; nil: none.
  let message: String?
  /// The value of `grpc-status-details-bin`; nil: none.
  let details: String?
  /// Something was left out.
  let isReduced: Bool

  static let messageName = "grpc-message"
  static let detailsName = "grpc-status-details-bin"
  /// Bytes of a message, before percent-encoding; longer ones are cut.
  static let messageBytesMax = 1_024
  /// Bytes of the beginning of a message that is kept before details are.
  static let shortMessageBytesMax = 128

  /// - Parameter bytesMax: Of both fields together, as a header list counts them.
  /// - Returns: nil when not even the reason fits.
  init?(_ status: RPCStatus, bytesMax: Int) {
    var draft = Draft(code: Int32(status.code.rawValue), bytesMax: bytesMax)
    draft.message = Self.prefix(status.message, Self.messageBytesMax)
    draft.details = status.details
    if draft.fits {
      isReduced = draft.message.utf8.count < status.message.utf8.count
    } else {
      guard draft.reduce(status) else { return nil }
      isReduced = true
    }
    message = draft.message.isEmpty ? nil : PercentEncoding.encode(draft.message)
    details = draft.details.isEmpty ? nil : Base64.encode(draft.encodedDetails, padding: false)
  }

  /// The value of `grpc-status-details-bin` with all details.
  static func encodedDetails(_ status: RPCStatus) -> String {
    let all = GoogleRPCStatus(
      code: Int32(status.code.rawValue), message: prefix(status.message, messageBytesMax), details: status.details)
    return Base64.encode(all.protobufBytes(), padding: false)
  }

  /// At most so many bytes of UTF-8 from the beginning, in whole characters.
  static func prefix(_ text: String, _ bytesMax: Int) -> String {
    guard text.utf8.count > bytesMax else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: bytesMax)
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
    return String(text[..<end])
  }
}

/// A status in the making.
private struct Draft {
  let code: Int32
  let bytesMax: Int
  var message = ""
  var details: [GoogleProtobufAny] = []

  init(code: Int32, bytesMax: Int) {
    self.code = code
    self.bytesMax = bytesMax
  }

  var encodedDetails: [UInt8] { GoogleRPCStatus(code: code, message: message, details: details).protobufBytes() }

  var fits: Bool {
    var bytes = 0
    if !message.isEmpty {
      bytes += Self.fieldBytes(FittedStatus.messageName, PercentEncoding.encode(message).utf8.count)
    }
    if !details.isEmpty {
      bytes += Self.fieldBytes(FittedStatus.detailsName, (encodedDetails.count * 4 + 2) / 3)
    }
    return bytes <= bytesMax
  }

  private static func fieldBytes(_ name: String, _ valueBytes: Int) -> Int {
    name.utf8.count + valueBytes + HeaderBlock.fieldOverheadBytes
  }

  /// Makes a change unless what results does not fit.
  @discardableResult
  private mutating func attempt(_ change: (inout Draft) -> Void) -> Bool {
    var changed = self
    change(&changed)
    guard changed.fits else { return false }
    self = changed
    return true
  }

  /// Takes as much of a status as fits.
  /// - Returns: false when not even the reason does.
  mutating func reduce(_ status: RPCStatus) -> Bool {
    message = ""
    details = []
    guard fits else { return false }
    var places: [Int] = []
    /// Puts the detail with a number in `status` into its place among those that are kept, or
    /// replaces it there.
    func keep(_ number: Int, _ detail: GoogleProtobufAny) -> Bool {
      let place = places.firstIndex { $0 >= number } ?? places.count
      let isThere = place < places.count && places[place] == number
      guard attempt({ isThere ? $0.details[place] = detail : $0.details.insert(detail, at: place) }) else {
        return false
      }
      if !isThere { places.insert(number, at: place) }
      return true
    }
    func first<Detail: ProtobufMessage>(_ type: Detail.Type) -> (number: Int, detail: Detail)? {
      let url = RPCStatus.typeURL(of: type)
      guard let number = status.details.firstIndex(where: { $0.typeUrl == url }),
        let detail = try? Detail(protobufBytes: status.details[number].value)
      else { return nil }
      return (number, detail)
    }

    let info = first(GoogleRPCErrorInfo.self)
    if let info {
      let reason = GoogleRPCErrorInfo(reason: info.detail.reason, domain: info.detail.domain)
      guard keep(info.number, RPCStatus.packed(reason)) else { return false }
    }
    attempt { $0.message = FittedStatus.prefix(status.message, FittedStatus.shortMessageBytesMax) }
    if let retry = first(GoogleRPCRetryInfo.self) { _ = keep(retry.number, status.details[retry.number]) }
    if let info { _ = keep(info.number, status.details[info.number]) }
    if let request = first(GoogleRPCBadRequest.self) {
      var range = 1..<request.detail.fieldViolations.count + 1
      // Binary search for the largest number of violations that fits.
      while !range.isEmpty {
        let count = (range.lowerBound + range.upperBound) / 2
        let some = GoogleRPCBadRequest(fieldViolations: Array(request.detail.fieldViolations.prefix(count)))
        range = keep(request.number, RPCStatus.packed(some)) ? count + 1..<range.upperBound : range.lowerBound..<count
      }
    }
    for (number, detail) in status.details.enumerated() where !places.contains(number) { _ = keep(number, detail) }
    attempt { $0.message = FittedStatus.prefix(status.message, FittedStatus.messageBytesMax) }
    return true
  }
}
