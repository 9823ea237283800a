/// The names of schema elements in Swift and in protoc-c's C.
struct Names {
  private var packages: [String: String] = [:]
  private(set) var mapEntries: [String: ProtoMessage] = [:]
  private(set) var recursive: Set<String> = []

  /// Packages whose types have no prefix: each is the only package of its module.
  static let plainPackages: Set<String> = ["streak.v1", "bench", "codec.test", "grpc.testing"]
  private static let acronyms = ["rpc": "RPC", "grpc": "GRPC"]
  private static let keywords: Set<String> = [
    "as", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do", "else", "enum",
    "extension", "false", "for", "func", "guard", "if", "import", "in", "init", "internal", "is", "let", "nil",
    "operator", "private", "protocol", "public", "repeat", "return", "self", "static", "struct", "subscript", "super",
    "switch", "throw", "throws", "true", "try", "var", "where", "while", "Protocol", "Type",
  ]

  init(_ files: [ProtoFile]) throws {
    var references: [String: [String]] = [:]
    for file in files {
      func visit(_ message: ProtoMessage) {
        packages[message.fullName] = file.package
        if message.isMapEntry { mapEntries[message.fullName] = message }
        if !file.isForGenerator {
          references[message.fullName] = message.fields.filter { $0.type == ProtoField.messageType }.map(\.typeName)
        }
        message.nested.forEach(visit)
        for nested in message.enums { packages[nested.fullName] = file.package }
      }
      file.messages.forEach(visit)
      for topLevel in file.enums { packages[topLevel.fullName] = file.package }
    }
    for name in references.keys where Self.reaches(name, from: name, references) {
      throw GeneratorError("\(name.dropFirst()) contains itself; messages must not be recursive")
    }
  }

  private static func reaches(_ goal: String, from start: String, _ references: [String: [String]]) -> Bool {
    var waiting = references[start] ?? []
    var visited: Set<String> = []
    while let next = waiting.popLast() {
      if next == goal { return true }
      if visited.insert(next).inserted { waiting += references[next] ?? [] }
    }
    return false
  }

  /// The Swift type of a message or enum.
  func swiftType(_ fullName: String) -> String {
    let package = packages[fullName] ?? ""
    let local = fullName.dropFirst(package.isEmpty ? 1 : package.count + 2)
    return prefix(package) + local
  }

  func prefix(_ package: String) -> String {
    if Self.plainPackages.contains(package) { return "" }
    return package.split(separator: ".").map { part in
      Self.acronyms[String(part)] ?? part.prefix(1).uppercased() + part.dropFirst()
    }.joined()
  }

  /// protoc-c's struct of a message, such as `Streak__V1__SignUpRequest`.
  static func cType(_ fullName: String) -> String {
    fullName.dropFirst().split(separator: ".").map { upperCamel(String($0)) }.joined(separator: "__")
  }

  /// protoc-c's prefix of a message's functions, such as `streak__v1__sign_up_request`.
  static func cFunction(_ fullName: String) -> String {
    fullName.dropFirst().split(separator: ".").map { part in
      var result = ""
      var wasUpper = true
      for character in part {
        if character.isUppercase && !wasUpper { result += "_" }
        wasUpper = character.isUppercase
        result += character.lowercased()
      }
      return result
    }.joined(separator: "__")
  }

  static func upperCamel(_ name: String) -> String {
    name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  static func lowerCamel(_ name: String) -> String {
    let camel = upperCamel(name)
    return escaped(camel.prefix(1).lowercased() + camel.dropFirst())
  }

  static func escaped(_ name: String) -> String { keywords.contains(name) ? "`\(name)`" : name }

  /// `CELL_TRUST_COUNTED` of `CellTrust` is `counted`.
  static func enumCase(_ value: String, of enumName: String) -> String {
    var snake = ""
    for character in enumName {
      if character.isUppercase && !snake.isEmpty { snake += "_" }
      snake += character.uppercased()
    }
    let stripped = value.hasPrefix(snake + "_") ? String(value.dropFirst(snake.count + 1)) : value
    let plain = stripped.first?.isNumber == true ? value : stripped
    return lowerCamel(plain.lowercased())
  }
}
