public import HTTP

/// Turns a connection's bytes, however they are split, into requests.
///
/// Source: RFC 9112, read strictly: what two readers could read differently is refused. Only lines
/// that are not whole are kept; a body's bytes are pointed at where they are.
public struct HTTP1RequestParser {
  public enum Event: Equatable {
    /// The fields are in the list that `next` was given.
    case head(HTTP1RequestHead)
    /// Bytes of the body: where they lie in what `next` was given.
    case body(Range<Int>)
    /// The request is complete. What follows is the next one.
    case end
  }

  private enum State {
    /// Before the end of a head. Next: `body`, `chunkLine`, `complete`, `tooLarge`.
    case head
    /// Before the end of a head that is refused for its size. Next: `closed`.
    case tooLarge(HTTP1Refusal, OriginSearch)
    /// So many bytes of a body are missing. Next: `complete`.
    case body(Int)
    /// Before the end of a chunk's line. Next: `chunkData`, `trailers`.
    case chunkLine
    /// So many bytes of a chunk are missing. Next: `chunkEnd`.
    case chunkData(Int)
    /// The line end behind a chunk, of which so many bytes have come. Next: `chunkLine`.
    case chunkEnd(Int)
    /// Before the end of the trailer section. Next: `complete`.
    case trailers
    /// `end` is the next event. Next: `head`, `closed`.
    case complete
    /// After the last request, or a refusal: all bytes are dropped.
    case closed
  }

  private let reader: RequestHeadReader
  private var limits: HTTP1Limits { reader.limits }
  private var state = State.head
  private var keepsAlive = true
  private var scan = HeadScan()
  /// Empty lines that came in front of the request line.
  private var emptyLineCount = 0
  /// The bytes of a head, or of a line behind it, that is not whole.
  private var held: [UInt8] = []
  private var extensionBytes = 0
  private var trailerBytes = 0
  private var trailerLineCount = 0

  /// - Parameter isSecure: The bytes come encrypted: the scheme is https.
  public init(limits: HTTP1Limits = HTTP1Limits(), isSecure: Bool = false) {
    reader = RequestHeadReader(limits: limits, isSecure: isSecure)
  }

  /// Bytes kept of what is not whole.
  public var heldBytes: Int { held.capacity }

  /// A request has begun and its head is not whole. The begin of an empty line is none.
  public var isInHead: Bool {
    switch state {
    case .head: !held.isEmpty && held.first != UInt8.carriageReturn
    case .tooLarge: true
    default: false
    }
  }

  /// No further request is read: the last one said so, or was refused.
  public var isClosed: Bool {
    if case .closed = state { true } else { false }
  }

  /// Reads no further request, and drops what there is of one.
  public mutating func close() {
    state = .closed
    held = []
  }

  /// Gives the origin of a head that is not whole to its answer, if it has come.
  func addOrigin(to headers: ReceivedHeaders) {
    var search = OriginSearch()
    var offset = 0
    unsafe held.withUnsafeBufferPointer { unsafe search.look(through: $0, &offset) }
    search.addOrigin(to: headers)
  }

  /// Reads on.
  ///
  /// - Parameters:
  ///   - bytes: What has come.
  ///   - offset: Where to begin; moved behind what was read.
  ///   - headers: Filled with a head's fields, names in lower case, `:method`, `:path`,
  ///     `:authority` and `:scheme` first; it is to be empty before a head.
  /// - Returns: nil when more must come for the next event, and all of `bytes` was read.
  public mutating func next(
    in bytes: RawSpan, from offset: inout Int, headers: ReceivedHeaders
  ) throws(HTTP1Refusal) -> Event? {
    do throws(HTTP1Refusal) {
      return try unsafe bytes.withUnsafeBytes { bytes throws(HTTP1Refusal) in
        unsafe try next(
          Bytes(start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count),
          &offset, headers)
      }
    } catch {
      close()
      throw error
    }
  }

  private mutating func next(
    _ bytes: Bytes, _ offset: inout Int, _ headers: ReceivedHeaders
  ) throws(HTTP1Refusal) -> Event? {
    while true {
      if case .complete = state { return completed() }
      if case .tooLarge(let refusal, let search) = state, search.isOver {
        search.addOrigin(to: headers)
        throw refusal
      }
      guard offset < bytes.count else { return nil }
      switch state {
      case .head:
        if let head = unsafe try readHead(bytes, &offset, headers) { return .head(head) }
      case .tooLarge(let refusal, var search):
        unsafe search.look(through: bytes, &offset)
        state = .tooLarge(refusal, search)
      case .body(let missing):
        let range = offset..<offset + min(missing, bytes.count - offset)
        offset = range.upperBound
        state = missing == range.count ? .complete : .body(missing - range.count)
        return .body(range)
      case .chunkLine: unsafe try readChunkLine(bytes, &offset)
      case .chunkData(let missing):
        let range = offset..<offset + min(missing, bytes.count - offset)
        offset = range.upperBound
        state = missing == range.count ? .chunkEnd(0) : .chunkData(missing - range.count)
        return .body(range)
      case .chunkEnd(let seen):
        guard unsafe bytes[offset] == (seen == 0 ? UInt8.carriageReturn : UInt8.lineFeed) else { throw .chunk }
        offset += 1
        state = seen == 0 ? .chunkEnd(1) : .chunkLine
      case .trailers: unsafe try readTrailers(bytes, &offset)
      case .complete: return completed()
      case .closed:
        offset = bytes.count
        return nil
      }
    }
  }

  private mutating func completed() -> Event {
    state = keepsAlive ? .head : .closed
    emptyLineCount = 0
    return .end
  }

  // MARK: Head

  private mutating func readHead(
    _ bytes: Bytes, _ offset: inout Int, _ headers: ReceivedHeaders
  ) throws(HTTP1Refusal) -> HTTP1RequestHead? {
    guard unsafe try skipEmptyLines(bytes, &offset) else { return nil }
    guard held.isEmpty else { return unsafe try readHeldHead(bytes, &offset, headers) }
    let rest = unsafe bytes.part(offset..<bytes.count)
    guard let end = unsafe try headEnd(in: rest) else {
      if case .head = state {
        unsafe held.append(contentsOf: rest)
        offset = bytes.count
      }
      return nil
    }
    offset += end
    return unsafe try finishHead(rest.part(0..<end), headers)
  }

  /// Goes on with a head whose begin came earlier.
  private mutating func readHeldHead(
    _ bytes: Bytes, _ offset: inout Int, _ headers: ReceivedHeaders
  ) throws(HTTP1Refusal) -> HTTP1RequestHead? {
    let before = held.count
    let taken = min(bytes.count - offset, limits.headBytesMax - before + 1)
    unsafe held.append(contentsOf: bytes.part(offset..<offset + taken))
    var whole: [UInt8] = []
    swap(&whole, &held)
    let end = try unsafe whole.withUnsafeBufferPointer { whole throws(HTTP1Refusal) in
      unsafe try headEnd(in: whole)
    }
    guard let end else {
      offset += taken
      if case .tooLarge(let refusal, var search) = state {
        var looked = 0
        unsafe whole.withUnsafeBufferPointer { unsafe search.look(through: $0, &looked) }
        state = .tooLarge(refusal, search)
      } else {
        swap(&whole, &held)
      }
      return nil
    }
    offset += end - before
    return try unsafe whole.withUnsafeBufferPointer { whole throws(HTTP1Refusal) in
      unsafe try finishHead(whole.part(0..<end), headers)
    }
  }

  /// - Returns: Bytes of the head; nil until all of them are known, and for one that is too large.
  private mutating func headEnd(in bytes: Bytes) throws(HTTP1Refusal) -> Int? {
    do {
      return unsafe try scan.end(in: bytes, limits)
    } catch  where error == .requestLineTooLong || error == .headersTooLarge {
      state = .tooLarge(error, OriginSearch())
      return nil
    }
  }

  private mutating func finishHead(_ bytes: Bytes, _ headers: ReceivedHeaders) throws(HTTP1Refusal) -> HTTP1RequestHead
  {
    let head = unsafe try reader.read(bytes, scan, to: headers)
    scan = HeadScan()
    keepsAlive = head.keepsAlive
    switch head.body {
    case .none: state = .complete
    case .bytes(let count): state = .body(count)
    case .chunked:
      state = .chunkLine
      (extensionBytes, trailerBytes, trailerLineCount) = (0, 0, 0)
    }
    return head
  }

  /// Skips the empty lines in front of a request line.
  /// - Returns: Whether there are further bytes.
  private mutating func skipEmptyLines(_ bytes: Bytes, _ offset: inout Int) throws(HTTP1Refusal) -> Bool {
    // A carriage return is held only here: a request line does not begin with one.
    while offset < bytes.count {
      if held.first == UInt8.carriageReturn {
        guard unsafe bytes[offset] == UInt8.lineFeed else { throw .lineEnd }
        held = []
        emptyLineCount += 1
        guard emptyLineCount <= limits.emptyLinesMax else { throw .requestLine }
      } else {
        guard held.isEmpty, unsafe bytes[offset] == UInt8.carriageReturn else { return true }
        held = [UInt8.carriageReturn]
      }
      offset += 1
    }
    return false
  }

  // MARK: Chunks

  /// Takes the next line behind a head.
  ///
  /// - Parameter bytesMax: Of the line, without its line end.
  /// - Returns: Where it lies in `bytes` without its line end, or in `held` if a part of it came
  ///   earlier; nil until it is whole.
  private mutating func line(
    _ bytes: Bytes, _ offset: inout Int, bytesMax: Int, tooLong: HTTP1Refusal
  ) throws(HTTP1Refusal) -> (range: Range<Int>, isHeld: Bool)? {
    let start = offset
    let end = unsafe bytes.place(of: UInt8.lineFeed, from: start)
    // One more: the carriage return.
    guard held.count + (end ?? bytes.count) - start <= bytesMax + 1 else { throw tooLong }
    guard let end else {
      unsafe held.append(contentsOf: bytes.part(start..<bytes.count))
      offset = bytes.count
      return nil
    }
    offset = end + 1
    let last = end > start ? unsafe bytes[end - 1] : held.last
    guard last == UInt8.carriageReturn else { throw .lineEnd }
    guard !held.isEmpty else { return (start..<end - 1, false) }
    unsafe held.append(contentsOf: bytes.part(start..<end))
    return (0..<held.count - 1, true)
  }

  private mutating func readChunkLine(_ bytes: Bytes, _ offset: inout Int) throws(HTTP1Refusal) {
    guard
      let line = unsafe try line(
        bytes, &offset, bytesMax: limits.chunkLineBytesMax, tooLong: .chunkExtensionsTooLarge)
    else { return }
    let limits = limits
    let chunk = try unsafe withLine(line, bytes) { line throws(HTTP1Refusal) in
      unsafe try ChunkLine(line, limits: limits)
    }
    extensionBytes += chunk.extensionBytes
    guard extensionBytes <= limits.chunkExtensionBytesMax else { throw .chunkExtensionsTooLarge }
    state = chunk.byteCount == 0 ? .trailers : .chunkData(chunk.byteCount)
  }

  /// Reads trailer fields, which are checked and dropped: nothing here has a use for them.
  private mutating func readTrailers(_ bytes: Bytes, _ offset: inout Int) throws(HTTP1Refusal) {
    guard
      let line = unsafe try line(
        bytes, &offset, bytesMax: limits.trailerBytesMax - trailerBytes, tooLong: .headersTooLarge)
    else { return }
    guard !line.range.isEmpty else {
      held = []
      state = .complete
      return
    }
    trailerBytes += line.range.count
    trailerLineCount += 1
    guard trailerLineCount <= limits.fieldLinesMax else { throw .headersTooLarge }
    try unsafe withLine(line, bytes) { line throws(HTTP1Refusal) in unsafe try FieldLine.checkTrailer(line) }
  }

  /// Lends a line, and then drops what is held of it.
  private mutating func withLine<Result>(
    _ line: (range: Range<Int>, isHeld: Bool), _ bytes: Bytes,
    _ body: (Bytes) throws(HTTP1Refusal) -> Result
  ) throws(HTTP1Refusal) -> Result {
    guard line.isHeld else { return unsafe try body(bytes.part(line.range)) }
    var held: [UInt8] = []
    swap(&held, &self.held)
    return try unsafe held.withUnsafeBufferPointer { held throws(HTTP1Refusal) in
      unsafe try body(held.part(line.range))
    }
  }
}
