import ProtobufCodec

/// Writes the app developer's reference in Markdown: a page for each file of the schema, an index,
/// and a page of refusals.
struct ReferenceGenerator {
  private let files: [ProtoFile]
  /// The page of each message and enum, by full name.
  private let pages: [String: String]

  init(_ request: GeneratorRequest) {
    files = request.files.filter { request.filesToGenerate.contains($0.name) && !$0.isForGenerator }
      .sorted { $0.name < $1.name }
    var pages: [String: String] = [:]
    for file in files {
      for name in file.messages.map(\.fullName) + file.enums.map(\.fullName) { pages[name] = Self.page(of: file) }
    }
    self.pages = pages
  }

  func pageFiles() throws -> [(name: String, content: String)] {
    let reasons = files.flatMap(\.enums).first { $0.name == "ErrorReason" }
    guard let reasons else { throw GeneratorError("the schema has no ErrorReason") }
    return files.map { ("\(Self.page(of: $0)).md", page($0)) }
      + [("API.md", index()), ("Errors.md", try ReasonPage(reasons).text())]
  }

  /// For example "SyncAPI" for "streak/v1/sync.proto".
  private static func page(of file: ProtoFile) -> String { Names.upperCamel(stem(of: file)) + "API" }

  private static func stem(of file: ProtoFile) -> String {
    let last = file.name.split(separator: "/").last ?? ""
    return String(last.dropLast(".proto".count))
  }

  private static func title(of file: ProtoFile) -> String { Names.upperCamel(stem(of: file)) + " API" }

  // MARK: Index

  private func index() -> String {
    var text = """
      # API reference

      Every method, message and rule of `proto/streak/v1`.

      These pages are generated from the comments and options of `proto/streak/v1` by `codegen/generate`. A stock
      `protoc` makes clients from the same files. The server offers reflection, so that tools such as grpcurl find
      the methods by themselves.

      """
    for file in files {
      text += "\n## \(Self.title(of: file))\n\n[\(Self.title(of: file))](\(Self.page(of: file)).md)"
      text += file.services.isEmpty ? " has the messages that several services share.\n" : "\n"
      for service in file.services {
        text +=
          "\n| method of `\(service.fullName.dropFirst())` | credentials | safe to repeat |\n| --- | --- | --- |\n"
        for method in service.methods {
          let facts = MethodFacts(method)
          text += "| [\(method.name)](\(Self.page(of: file)).md#\(method.name.lowercased())) | \(facts.credentials) | "
          text += "\(facts.isIdempotent ? "yes" : "no") |\n"
        }
      }
    }
    return text
  }

  // MARK: Page

  private func page(_ file: ProtoFile) -> String {
    var text = "# \(Self.title(of: file))\n\nMethods and messages of `proto/\(file.name)`.\n"
    text += "\nThis page is generated from `proto/\(file.name)` by `codegen/generate`.\n"
    for service in file.services {
      text += "\n## \(service.name)\n\n\(Markdown.paragraphs(service.documentation("")))"
      for method in service.methods { text += section(method) }
    }
    if !file.messages.isEmpty { text += "\n## Messages\n" }
    for message in file.messages { text += section(message) }
    if !file.enums.isEmpty { text += "\n## Enumerations\n" }
    for enumeration in file.enums { text += section(enumeration) }
    return text
  }

  private func section(_ method: ProtoMethod) -> String {
    let facts = MethodFacts(method)
    let request = (method.clientStreams ? "stream of " : "") + type(method.input)
    let response = (method.serverStreams ? "stream of " : "") + type(method.output)
    return "\n### \(method.name)\n\n\(Markdown.paragraphs(method.documentation("")))\n"
      + "- Request: \(request). Response: \(response).\n"
      + "- Credentials: \(facts.credentials). Safe to repeat: \(facts.isIdempotent ? "yes" : "no").\n"
      + facts.limits.map { "- \($0)\n" }.joined()
  }

  private func section(_ message: ProtoMessage) -> String {
    let name = message.fullName.split(separator: ".").dropFirst(2).joined(separator: ".")
    var text = "\n### \(name)\n\n"
    let comment = Markdown.paragraphs(message.documentation(""))
    if !comment.isEmpty { text += comment + "\n" }
    guard !message.fields.isEmpty else { return text + "It has no fields.\n" }
    text += "| field | type | rules | meaning |\n| --- | --- | --- | --- |\n"
    for field in message.fields {
      let repeated = field.isRepeated ? "list of " : ""
      let member = field.oneofIndex.map { "one of `\(message.oneofs[$0].name)`; " } ?? ""
      text += "| `\(field.name)` = \(field.number) | \(repeated)\(type(field)) | \(RuleText(field).text) | "
      text += "\(member)\(Markdown.line(field.documentation(""))) |\n"
    }
    return text
  }

  private func section(_ enumeration: ProtoEnum) -> String {
    var text = "\n### \(enumeration.name)\n\n\(Markdown.paragraphs(enumeration.documentation("")))\n"
    text += "| value | number | meaning |\n| --- | --- | --- |\n"
    for value in enumeration.values {
      text += "| `\(value.name)` | \(value.number) | \(Markdown.line(value.documentation)) |\n"
    }
    return text
  }

  // MARK: Types

  private func type(_ fullName: String) -> String {
    let name = fullName.split(separator: ".").last.map(String.init) ?? ""
    guard let page = pages[fullName] else { return "`\(fullName.dropFirst())`" }
    return "[\(name)](\(page).md#\(name.lowercased()))"
  }

  private func type(_ field: ProtoField) -> String {
    if !field.typeName.isEmpty { return type(field.typeName) }
    let names: [UInt64: String] = [
      1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool",
      9: "string", 12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64",
    ]
    return names[field.type] ?? "type \(field.type)"
  }
}

/// A method's policy in words.
private struct MethodFacts {
  let credentials: String
  let isIdempotent: Bool
  private(set) var limits: [String] = []

  init(_ method: ProtoMethod) {
    credentials =
      switch method.policy?.number(1) {
      case 2: "session secret"
      case 3: "access token"
      case 4: "operator's token"
      default: "none"
      }
    isIdempotent = method.idempotencyLevel > 0
    if method.idempotencyLevel == 1, !method.clientStreams, !method.serverStreams {
      limits.append("No side effects: Connect's callers may use GET.")
    }
    if method.policy?.number(5) == 1 {
      limits.append("Only by Connect's POST, with the header `connect-protocol-version`.")
    }
    if method.policy?.number(2) == 1 { limits.append("Each attempt leaves an audit event, refused attempts too.") }
    if let bytes = method.policy?.number(4) { limits.append("Largest request: \(bytes >> 20) MiB.") }
    guard let limit = try? method.policy?.messages(3).last else { return }
    let person = limit.number(4) == 1 ? "for each device of a person" : "for a person"
    for (number, subject) in [(UInt32(1), person), (2, "for an address")] {
      guard let rate = try? limit.messages(number).last, let calls = rate.number(1), let seconds = rate.number(2) else {
        continue
      }
      limits.append("At most \(calls) calls in \(seconds) seconds \(subject).")
    }
  }
}

/// A field's rules in words.
private struct RuleText {
  let text: String

  init(_ field: ProtoField) {
    var parts: [String] = []
    let rules = (field.rules ?? "").dropFirst("FieldRules(".count).dropLast()
    var least: String?
    for rule in rules.split(separator: ",") {
      let pair = rule.split(separator: ":").map { $0.drop { $0 == " " } }
      guard pair.count == 2 else { continue }
      let value = String(pair[1])
      switch pair[0] {
      case "required": parts.append("required")
      case "uuid": parts.append("16 bytes")
      case "minBytes": least = value
      case "maxBytes" where least == value: (least, _) = (nil, parts.append("\(value) bytes"))
      case "maxBytes": parts.append("at most \(value) bytes")
      case "maxItems": parts.append("at most \(value) items")
      case "judgesItemsApart": break
      case "range": parts.append(value.replacing("...", with: " to "))
      case "definedOnly": parts.append("a value of the schema")
      default: parts.append(String(rule))
      }
    }
    if let least { parts.append("at least \(least) bytes") }
    if field.isJudgedApart { parts.append(field.isRepeated ? "each item judged by itself" : "judged by itself") }
    text = parts.joined(separator: ", ")
  }
}

/// Comments of the schema as Markdown.
enum Markdown {
  /// Lines of `///` documentation as paragraphs and lists.
  static func paragraphs(_ documentation: String) -> String {
    documentation.split(separator: "\n", omittingEmptySubsequences: false)
      .map { escaped($0.drop { $0 == " " }.dropFirst(3)) }
      .map { $0.hasPrefix(" ") ? String($0.dropFirst()) : $0 }
      .joined(separator: "\n")
  }

  /// The same on one line, for a table's cell.
  static func line(_ documentation: String) -> String {
    paragraphs(documentation).split(separator: "\n").joined(separator: " ").replacing("|", with: "\\|")
  }

  private static func escaped(_ text: Substring) -> String {
    String(text).replacing("<", with: "&lt;").replacing("*", with: "\\*")
  }
}
