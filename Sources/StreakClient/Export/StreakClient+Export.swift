internal import ProtobufCodec
internal import RPC
internal import ResumableDownload
internal import Schema
internal import StreakDomain

extension StreakClient {
  /// Most broken connections in a row without progress.
  static let exportCutsMax = 5
  /// Most restarts of an export because the data has changed.
  static let exportBeginningsMax = 5

  /// Exports all of the account's data on the server into a file, as JSON; the queue is sent first.
  ///
  /// The file appears complete or not at all. After a broken connection, or a kill, calling it
  /// again resumes the download, as long as the data is the same.
  /// - Returns: Bytes of the file.
  @discardableResult
  public func export(to path: String) async throws(ClientError) -> Int64 {
    guard let userID = try store.read({ state throws(ClientError) in state.current }) else {
      throw .notPossible("Without an account no server has data: `exportLocally` writes what is on this device.")
    }
    try await sync()
    let file = try Self.onDisk { () throws(PartialFile.Failure) in try PartialFile(path, format: "json") }
    var (cuts, beginnings) = (0, 0)
    while true {
      let before = file.byteCount
      do throws(ClientError) {
        try await download(file, of: userID)
        break
      } catch {
        if error.reason == .exportChanged, beginnings < Self.exportBeginningsMax {
          beginnings += 1
          try Self.onDisk { () throws(PartialFile.Failure) in try file.begin(snapshot: []) }
          continue
        }
        cuts = file.byteCount > before ? 0 : cuts + 1
        switch error {
        case .unreachable where cuts < Self.exportCutsMax, .noAnswer where cuts < Self.exportCutsMax,
          .failing where cuts < Self.exportCutsMax:
          break
        default: throw error
        }
        await clock.sleep(milliseconds: Int64(cuts) * 1_000)
      }
    }
    try Self.onDisk { () throws(PartialFile.Failure) in try file.finish() }
    return file.byteCount
  }

  /// Writes this device's data into a file: of the current account, or without an account of the
  /// anonymous session. The JSON has the same layout, with habits, days and notes. Works without a
  /// server; `ImportedHistory` reads the file.
  ///
  /// - Returns: Bytes of the file, which appears complete or not at all.
  @discardableResult
  public func exportLocally(to path: String) throws(ClientError) -> Int64 {
    let now = clock.now
    let document = try store.read { state throws(ClientError) in
      try LocalDocument(
        habits: state.shown.habits,
        cells: state.current.flatMap { state.accounts[$0] }?.shownCells(now: now) ?? state.shown.cells,
        userID: state.current, at: now)
    }
    return try Self.onDisk { () throws(PartialFile.Failure) in
      let file = try PartialFile(path, format: "local")
      try file.begin(snapshot: [])
      try file.append(Array(document.text.utf8))
      try file.finish()
      return file.byteCount
    }
  }

  /// Downloads the rest of the document.
  private func download(_ file: PartialFile, of userID: Identifier) async throws(ClientError) {
    guard let network else { throw .notPossible("This client has no network.") }
    let resume =
      file.snapshot.isEmpty
      ? nil : ExportResume(snapshot: file.snapshot, documentBytes: file.byteCount, sha256: file.sha256)
    let request = ExportRequest(format: .json, resume: resume)
    let stream = network.open(
      ExportServiceMethods.export, request.protobufBytes(), bearer: try await bearer(of: userID))
    var manifest: ExportManifest?
    while true {
      let bytes: [UInt8]?
      do throws(RPCStatus) { bytes = try await stream.next() } catch { throw ClientError(error) }
      guard let bytes else { break }
      guard let response = try? ExportResponse(protobufBytes: bytes) else {
        throw .failing("A response cannot be decoded.")
      }
      try Self.onDisk { () throws(PartialFile.Failure) in
        if !response.snapshot.isEmpty, response.snapshot != file.snapshot {
          try file.begin(snapshot: response.snapshot)
        }
        try file.append(response.chunk)
      }
      manifest = response.manifest ?? manifest
    }
    guard let manifest else { throw .failing("The document ended early.") }
    guard manifest.documentBytes == file.byteCount else {
      throw .file("the document has \(file.byteCount) bytes instead of \(manifest.documentBytes)")
    }
  }

  private static func onDisk<Value>(
    _ body: () throws(PartialFile.Failure) -> Value
  ) throws(ClientError) -> Value {
    do throws(PartialFile.Failure) { return try body() } catch { throw .file("\(error)") }
  }
}
