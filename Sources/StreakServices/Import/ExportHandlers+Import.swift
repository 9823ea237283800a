internal import Cryptography
internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension ExportHandlers {
  /// The most bytes of a document.
  static let documentBytesMax = 96 * 1_048_576
  /// Bytes of a document that are read without letting other calls go on.
  static let pieceBytes = 262_144

  func `import`(
    requests: RequestStream<ImportRequest>, context: ServerContext
  ) async throws(RPCStatus) -> ImportResponse {
    let userID = try context.user().userID
    guard let begin = try await requests.next()?.begin else {
      throw Reason.invalidField("begin", "must be set in the first request")
    }
    let importID = try identifier(begin.importId, "begin.import_id")
    let about = "import=\(importID)"
    context.audit.detail = about
    if let stored = try await mappingStoreErrors({ () throws(StoreError) in
      try await store.importReply(importID, of: userID)
    }) {
      return try replayed(stored, context)
    }
    try await take(userID, imports, .imports, context)
    defer { give(userID, imports) }
    context.limitTime(milliseconds: UInt64(limits.secondsMax) * 1000, Reason.exportTooSlow.status)
    let pace = TransferPace(context, limits: limits, meter: limiter.meter)
    let secret = store.serverKey.key(for: ExportSeal.purpose).exposed
    let now = Instant.now()
    var reader = DocumentReader(isBinary: begin.format == .binary)
    var builder = ImportBuilder(importID: importID, at: now)
    var byteCount = 0
    while let request = try await pace.waiting(
      byteCount: byteCount, { () throws(RPCStatus) in try await requests.next() })
    {
      guard request.begin == nil else { throw Reason.invalidField("begin", "must be set in the first request only") }
      byteCount += request.chunk.count
      guard byteCount <= Self.documentBytesMax else { throw Reason.importTooLarge.status }
      // A few at a time, however large a chunk is: other calls go on in between.
      for piece in request.chunk.inPieces(of: Self.pieceBytes) {
        for record in try reader.take(piece) { try builder.add(record) }
        if piece.count < request.chunk.count { await context.loop.sleep(milliseconds: 0) }
      }
    }
    let (header, manifest) = try reader.finish()
    // A sealed document counts once: an import into a second account counts like any other
    // document.
    var sealedHash: [UInt8]?
    if ExportSeal.matches(manifest, userID: header.userId, secret: secret) {
      let hash = SHA256.digest(of: manifest.seal)
      let isClaimed = try await mappingStoreErrors { () throws(StoreError) in try await store.isDocumentClaimed(hash) }
      if !isClaimed { sealedHash = hash }
    }
    let user = try await mappingStoreErrors { () throws(StoreError) in try await store.user(userID) }
    guard let user else { throw Reason.credentialsInvalid.status }
    let (document, reply) = builder.finish(
      sealedHash: sealedHash, firstDay: DayRules.firstDay(createdAt: user.createdAt))
    context.audit.detail = "\(about) habits=\(reply.habitCount) days=\(reply.cellCount) sealed=\(sealedHash != nil)"
    let event = AuditInterceptor.event(of: context, from: limiter.addresses)
    let outcome = try await mappingStoreErrors { () throws(StoreError) in
      try await store.take(document, into: userID, at: now, audit: event) { changeNumber in
        var reply = reply
        reply.changeNumber = changeNumber
        return reply.protobufBytes()
      }
    }
    switch outcome {
    case .notEmpty: throw Reason.accountNotEmpty.status
    case .habitLimit: throw Reason.habitLimit.status
    case .tooLarge: throw Reason.importTooLarge.status
    case .imported(let stored):
      context.audit.isStored = true
      return try Self.reply(stored)
    }
  }

  private func replayed(_ stored: [UInt8], _ context: ServerContext) throws(RPCStatus) -> ImportResponse {
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return try Self.reply(stored)
  }

  private static func reply(_ stored: [UInt8]) throws(RPCStatus) -> ImportResponse {
    guard let reply = try? ImportResponse(protobufBytes: stored) else { throw Reason.internalFault.status }
    return reply
  }
}

extension [UInt8] {
  /// The same bytes, so many at a time.
  fileprivate func inPieces(of count: Int) -> [[UInt8]] {
    guard self.count > count else { return [self] }
    return stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
  }
}
