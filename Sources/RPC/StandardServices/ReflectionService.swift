public import GRPCSchema
public import ProtobufCodec

/// The standard reflection service: gives tools the schema the server was built with.
public struct ReflectionService: GRPCReflectionV1ServerReflection {
  private let services: [String]
  private let filesByName: [String: FileDescriptor]
  private let filesBySymbol: [String: FileDescriptor]

  /// - Parameters:
  ///   - services: Full names of the services the server has.
  ///   - files: Every file of their schema, imports included.
  public init(services: [String], files: [FileDescriptor]) {
    self.services = services.sorted()
    filesByName = Dictionary(files.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    filesBySymbol = Dictionary(
      files.flatMap { file in file.symbols.map { ($0, file) } }, uniquingKeysWith: { first, _ in first })
  }

  public func serverReflectionInfo(
    requests: RequestStream<GRPCReflectionV1ServerReflectionRequest>,
    responses: ResponseWriter<GRPCReflectionV1ServerReflectionResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    while let request = try await requests.next() {
      try await responses.write(answer(request))
    }
  }

  func answer(_ request: GRPCReflectionV1ServerReflectionRequest) -> GRPCReflectionV1ServerReflectionResponse {
    let answer: GRPCReflectionV1ServerReflectionResponse.MessageResponse =
      switch request.messageRequest {
      case .fileByFilename(let name): withImports(filesByName[name], "There is no file \(name).")
      case .fileContainingSymbol(let symbol):
        withImports(filesBySymbol[symbol], "No file declares \(symbol).")
      case .fileContainingExtension(let wanted):
        error(.notFound, "No extension \(wanted.extensionNumber) of \(wanted.containingType) is known.")
      case .allExtensionNumbersOfType(let type):
        filesBySymbol[type] == nil
          ? error(.notFound, "There is no message \(type).")
          : .allExtensionNumbersResponse(GRPCReflectionV1ExtensionNumberResponse(baseTypeName: type))
      case .listServices:
        .listServicesResponse(
          GRPCReflectionV1ListServiceResponse(service: services.map { GRPCReflectionV1ServiceResponse(name: $0) }))
      case nil: error(.invalidArgument, "The request asks nothing.")
      }
    return GRPCReflectionV1ServerReflectionResponse(
      validHost: request.host, originalRequest: request, messageResponse: answer)
  }

  /// The file and, so that one answer is enough, everything it imports.
  private func withImports(_ file: FileDescriptor?, _ missing: String)
    -> GRPCReflectionV1ServerReflectionResponse.MessageResponse
  {
    guard let file else { return error(.notFound, missing) }
    var found: [FileDescriptor] = []
    var waiting = [file]
    while let next = waiting.popLast() {
      guard !found.contains(where: { $0.name == next.name }) else { continue }
      found.append(next)
      waiting += next.dependencies.compactMap { filesByName[$0] }
    }
    return .fileDescriptorResponse(
      GRPCReflectionV1FileDescriptorResponse(fileDescriptorProto: found.map(\.serialized)))
  }

  private func error(_ code: RPCStatusCode, _ message: String)
    -> GRPCReflectionV1ServerReflectionResponse.MessageResponse
  {
    .errorResponse(GRPCReflectionV1ErrorResponse(errorCode: Int32(code.rawValue), errorMessage: message))
  }
}

/// The same service under its older name, which many tools still ask for first. Its messages have
/// the same encoding.
public struct ReflectionServiceV1Alpha: GRPCReflectionV1alphaServerReflection {
  private let service: ReflectionService

  public init(_ service: ReflectionService) { self.service = service }

  public func serverReflectionInfo(
    requests: RequestStream<GRPCReflectionV1alphaServerReflectionRequest>,
    responses: ResponseWriter<GRPCReflectionV1alphaServerReflectionResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    while let request = try await requests.next() {
      let response: GRPCReflectionV1alphaServerReflectionResponse
      do throws(DecodeError) {
        let answer = service.answer(try GRPCReflectionV1ServerReflectionRequest(protobufBytes: request.protobufBytes()))
        response = try GRPCReflectionV1alphaServerReflectionResponse(protobufBytes: answer.protobufBytes())
      } catch {
        throw RPCStatus(.internal, "The two versions of the reflection protocol differ.")
      }
      try await responses.write(response)
    }
  }
}
