public import EventLoop
internal import HTTP

/// Bytes that a server answers GET and HEAD of one path with, beside its calls.
public struct StaticResource: Sendable {
  /// One coding of the bytes.
  public struct Representation: Sendable {
    public let body: [UInt8]
    /// The value of `ETag`, in its quotes: no other bytes of this resource ever have it.
    public let entityTag: String

    public init(body: [UInt8], entityTag: String) {
      self.body = body
      self.entityTag = entityTag
    }
  }

  /// The request's `:path` without its query, such as `/index.html`.
  public let path: String
  /// Fields of every answer, `content-type` among them; names in lower case.
  public let fields: [(name: String, value: String)]
  public let plain: Representation
  /// The same bytes compressed; nil: they are never sent compressed.
  public let gzip: Representation?

  public init(
    path: String, fields: [(name: String, value: String)], plain: Representation, gzip: Representation? = nil
  ) {
    self.path = path
    self.fields = fields
    self.plain = plain
    self.gzip = gzip
  }
}

/// A request for a resource, as far as its admission needs it.
public struct ResourceRequest: Sendable {
  /// The other end of the connection.
  public let peerAddress: SocketAddress?
  private let fields: [(name: String, value: String)]

  init(_ headers: ReceivedHeaders, from peerAddress: SocketAddress?) {
    self.peerAddress = peerAddress
    fields = headers.fields.map { (headers.name(of: $0), headers.value(of: $0)) }
  }

  /// Every value of a request header (lower-case name), in order.
  public func metadataValues(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
}

/// The resources of a server's loop.
public struct StaticResources: Sendable {
  /// A resource's answers, built once.
  struct Answers: Sendable {
    struct Answer: Sendable {
      let entityTag: String
      let body: [UInt8]
      let whole: HeaderBlock
      let notModified: HeaderBlock
    }

    let plain: Answer
    let gzip: Answer?
  }

  private let answers: [String: Answers]
  /// Whether a request is answered now; called on the loop's thread. A refused one is answered
  /// with a retry delay of a second.
  let admits: @Sendable (ResourceRequest) -> Bool

  public static let none = StaticResources([])

  public init(_ resources: [StaticResource], admits: @escaping @Sendable (ResourceRequest) -> Bool = { _ in true }) {
    self.admits = admits
    answers = Dictionary(resources.map { ($0.path, Answers($0)) }) { first, _ in first }
  }

  var isEmpty: Bool { answers.isEmpty }

  /// The answers for a `:path`; nil: there is no such resource.
  func answers(for path: String) -> Answers? { answers[String(path.prefix { $0 != "?" })] }
}

extension StaticResources.Answers {
  init(_ resource: StaticResource) {
    let varies = resource.gzip != nil
    plain = Answer(resource.plain, encoding: nil, varies: varies, resource.fields)
    gzip = resource.gzip.map { Answer($0, encoding: "gzip", varies: varies, resource.fields) }
  }

  /// The coding that a caller takes.
  /// - Parameter acceptEncoding: The values of `Accept-Encoding`.
  func selected(by acceptEncoding: [String]) -> Answer {
    guard let gzip, ContentNegotiation.takesGzip(acceptEncoding) else { return plain }
    return gzip
  }
}

extension StaticResources.Answers.Answer {
  fileprivate init(
    _ representation: StaticResource.Representation, encoding: String?, varies: Bool,
    _ fields: [(name: String, value: String)]
  ) {
    entityTag = representation.entityTag
    body = representation.body
    func block(_ status: Int, _ more: [(String, String)], without left: String = "") -> HeaderBlock {
      var block = HeaderBlock()
      block.append(name: ":status", value: "\(status)")
      for field in fields where field.name != left { block.append(name: field.name, value: field.value) }
      block.append(name: "etag", value: representation.entityTag)
      if varies { block.append(name: "vary", value: "accept-encoding") }
      for (name, value) in more { block.append(name: name, value: value) }
      return block
    }
    var more = encoding.map { [("content-encoding", $0)] } ?? []
    // HTTP/1.1 counts the body by itself, and leaves this out.
    more.append(("content-length", "\(body.count)"))
    whole = block(200, more)
    notModified = block(304, [], without: "content-type")
  }
}
