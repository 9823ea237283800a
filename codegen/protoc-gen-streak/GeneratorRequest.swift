import ProtobufCodec

/// Why generating fails.
struct GeneratorError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// protoc's request. Source: google/protobuf/compiler/plugin.proto.
struct GeneratorRequest {
  let filesToGenerate: [String]
  let parameters: [String: String]
  let files: [ProtoFile]

  init(_ bytes: [UInt8]) throws {
    let request = try WireMessage(bytes)
    filesToGenerate = request.strings(1)
    var parameters: [String: String] = [:]
    for pair in request.string(2).split(separator: ",") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { parameters[String(parts[0])] = String(parts[1]) }
    }
    self.parameters = parameters
    files = try request.messages(15).map(ProtoFile.init)
  }
}

extension [UInt8] {
  /// Appends a length-delimited field.
  mutating func appendField(_ number: UInt8, _ payload: [UInt8]) {
    append(number << 3 | 2)
    var count = payload.count
    while count >= 0x80 {
      append(UInt8(truncatingIfNeeded: count) | 0x80)
      count >>= 7
    }
    append(UInt8(truncatingIfNeeded: count))
    append(contentsOf: payload)
  }

  /// Appends a `CodeGeneratorResponse.File`.
  mutating func appendResponseFile(name: String, content: String) {
    var file: [UInt8] = []
    file.appendField(1, Array(name.utf8))
    file.appendField(15, Array(content.utf8))
    appendField(15, file)
  }
}
