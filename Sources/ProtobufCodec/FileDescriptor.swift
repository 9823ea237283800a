/// One .proto file of the schema, for server reflection.
public struct FileDescriptor: Sendable {
  /// For example `example/v1/notes.proto`.
  public let name: String
  /// The names of the files it imports.
  public let dependencies: [String]
  /// The full names of its messages, enums and services, and of their methods.
  public let symbols: [String]
  private let base64: StaticString

  /// - Parameter base64: The serialised `google.protobuf.FileDescriptorProto`.
  public init(name: String, dependencies: [String], symbols: [String], base64: StaticString) {
    self.name = name
    self.dependencies = dependencies
    self.symbols = symbols
    self.base64 = base64
  }

  /// The serialised `google.protobuf.FileDescriptorProto`, without comments.
  public var serialized: [UInt8] { Base64.decode("\(base64)") ?? [] }
}
