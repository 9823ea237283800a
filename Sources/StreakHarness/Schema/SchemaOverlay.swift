internal import ProtobufCodec

/// What a client that builds requests from a schema alone has to know beyond it: which objects a
/// value names, which values agree with others, what a call leaves behind. It is no part of the
/// contract: the server does not know it.
///
/// A JSON document with the members `tokens`, `methods` and `fields`, each by full names of the
/// schema; Overlay/streak.v1.json is that of streakd.
package struct SchemaOverlay: Sendable {
  /// The structure of tokens, by the name of their `Authentication`.
  let tokens: [String: TokenForm]
  let methods: [String: MethodEffects]
  let fields: [String: FieldMeaning]

  /// The names of methods and fields that it speaks of.
  var names: [String] { Array(methods.keys) + Array(fields.keys) }

  /// An overlay that adds nothing.
  init() { (tokens, methods, fields) = ([:], [:], [:]) }

  /// Reads a document.
  /// - Throws: `JSONError`, `SchemaError` with the place of what it does not know.
  package init(_ text: String) throws {
    let document = try OverlayObject(JSONValue(parsing: text), "overlay")
    tokens = try document.objects("tokens").mapValues { try TokenForm($0) }
    methods = try document.objects("methods").mapValues { try MethodEffects($0) }
    fields = try document.objects("fields").mapValues { try FieldMeaning($0) }
    try document.refuseOthers()
  }

  /// That of `streak.v1`.
  package static func streak() throws -> SchemaOverlay {
    try SchemaOverlay(String(decoding: PackageResources.streak_v1_json, as: UTF8.self))
  }
}

/// The structure of a token: `prefix`, then values of the kinds `parts`; a string as it is, bytes
/// joined and then as unpadded base64url.
struct TokenForm: Sendable {
  let prefix: String
  let parts: [String]

  fileprivate init(_ object: OverlayObject) throws {
    prefix = try object.text("prefix")
    parts = try object.texts("parts")
    try object.refuseOthers()
  }
}

/// What a successful call of a method does.
struct MethodEffects: Sendable {
  /// The same request again gets the first reply, byte for byte.
  var hasSameReply = false
  /// The call's own credentials may be invalid afterwards.
  var endsCredentials = false
  /// Objects of these kinds (`FieldMeaning.kind`) exist, in the request or the response.
  var provides: [String] = []
  /// Whether a valid request succeeds depends on more than earlier calls can provide: on backups,
  /// or on further requests of the same call.
  var isConditional = false

  init() {}

  fileprivate init(_ object: OverlayObject) throws {
    hasSameReply = try object.flag("same_reply")
    endsCredentials = try object.flag("ends_credentials")
    provides = try object.texts("provides")
    isConditional = try object.flag("conditional")
    try object.refuseOthers()
  }
}

/// The meaning of a field's value, beyond its rules.
struct FieldMeaning: Sendable {
  /// The source of a value that cannot be chosen freely.
  enum Source: String, Sendable {
    /// It can be chosen freely.
    case free = ""
    /// Whether it succeeds depends on earlier calls: it is left at its default.
    case history
    /// An email address.
    case email
    /// The current time.
    case now
    /// The current time as hybrid logical time (`Operation.hybrid_time`).
    case hybridNow = "hybrid_now"
    /// An offset from UTC in seconds, a part of local time.
    case utcOffset = "utc_offset"
    /// The start of the day in minutes, a part of local time.
    case dayStart = "day_start"
    /// The day number that the local time beside it gives: date(now + offset - day start).
    case day
    /// The number after that of the item before, or after the last one that this device sent.
    case nextNumber = "next_number"
    /// The hash of the message that this one is in, as its comment describes (`CaptureManifest`).
    case captureHash = "capture_hash"
    /// In a verdict: why the item was refused, an enum; zero if it was not.
    case reason
  }

  /// The kind of object that it names, such as "habit". In a request: one that exists, unless
  /// `isNew`. In a response: one that exists from now on.
  var kind = ""
  /// In a request: the caller chooses it, and it exists after a success.
  var isNew = false
  /// In a request: the object is gone after a success.
  var ends = false
  /// The value is a credential: knowing it is enough to use it.
  var isSecret = false
  /// In a response: it also contains refused attempts.
  var isTrail = false
  /// The only value that succeeds.
  var constant = ""
  /// The value that it must agree with.
  var source = Source.free
  /// Of a list in a response: it holds a verdict on each item of the request's list of this name,
  /// in order. The verdict's field whose source is `reason` is zero for an item that was accepted.
  var judges = ""
  /// Of a number: how many items the list of this name beside the message, or in it, has.
  var counts = ""

  init() {}

  fileprivate init(_ object: OverlayObject) throws {
    kind = try object.text("kind")
    isNew = try object.flag("new")
    ends = try object.flag("ends")
    isSecret = try object.flag("secret")
    isTrail = try object.flag("trail")
    constant = try object.text("constant")
    let source = try object.text("source")
    guard let known = Source(rawValue: source) else { throw object.fault("knows no source \(source)") }
    self.source = known
    judges = try object.text("judges")
    counts = try object.text("counts")
    try object.refuseOthers()
  }

  /// Whether only the rules restrict the value.
  var isFree: Bool { (kind.isEmpty || isNew) && constant.isEmpty && source == .free && counts.isEmpty }
}

/// Reads the members of one JSON object, and refuses those that were not asked for.
private final class OverlayObject {
  private var members: [String: JSONValue] = [:]
  private let place: String

  init(_ value: JSONValue, _ place: String) throws {
    self.place = place
    guard case .object(let members) = value else { throw fault("is no object") }
    for member in members { self.members[member.name] = member.value }
  }

  func fault(_ reason: String) -> SchemaError { SchemaError(description: "\(place) \(reason)") }

  func text(_ name: String) throws -> String {
    guard let value = members.removeValue(forKey: name) else { return "" }
    guard case .string(let text) = value else { throw fault("has no string in \(name)") }
    return text
  }

  func texts(_ name: String) throws -> [String] {
    guard let value = members.removeValue(forKey: name) else { return [] }
    guard case .array(let values) = value else { throw fault("has no list in \(name)") }
    return try values.map { value in
      guard case .string(let text) = value else { throw fault("has no strings in \(name)") }
      return text
    }
  }

  func flag(_ name: String) throws -> Bool {
    guard let value = members.removeValue(forKey: name) else { return false }
    guard case .bool(let flag) = value else { throw fault("has no boolean in \(name)") }
    return flag
  }

  func objects(_ name: String) throws -> [String: OverlayObject] {
    guard let value = members.removeValue(forKey: name) else { return [:] }
    guard case .object(let members) = value else { throw fault("has no object in \(name)") }
    var result: [String: OverlayObject] = [:]
    for member in members { result[member.name] = try OverlayObject(member.value, member.name) }
    return result
  }

  /// - Throws: If there is a member that was not read.
  func refuseOthers() throws {
    if let name = members.keys.min() { throw fault("has a member \(name), which means nothing") }
  }
}
