internal import ProtobufCodec
internal import SQLite

/// A file to import: its names, and its content, classified by its bytes.
struct ImportFile {
  enum Content {
    case database(SQLiteDatabase)
    case archive(ZipArchive)
    case json(JSONValue)
    case table(CSVTable)
    /// No reader can read it; the sentence tells the person what to do.
    case unreadable(String)
  }

  /// The path as given; empty if it is not known.
  let path: String
  let content: Content
  /// Remarks of decoding.
  let remarks: [ImportRemark]

  /// The file's own name.
  var name: String { path.split(separator: "/").last.map(String.init) ?? "" }
  /// The name of the folder it is in.
  var folder: String { path.split(separator: "/").dropLast().last.map(String.init) ?? "" }

  init(path: String) throws(ImportedHistory.Failure) {
    let head = try FileBytes.read(path, byteLimit: 16)
    guard head == Array("SQLite format 3\0".utf8) else {
      let bytes = try FileBytes.read(path, byteLimit: ImportedHistory.fileBytesMax + 1)
      guard bytes.count <= ImportedHistory.fileBytesMax else {
        throw .init(message: "\(path) is larger than \(ImportedHistory.fileBytesMax) bytes.")
      }
      try self.init(bytes, path: path)
      return
    }
    do throws(SQLiteError) {
      self.init(path: path, content: .database(try SQLiteDatabase(path: path, access: .readOnly)))
    } catch {
      throw .init(message: "\(path): the database cannot be read: \(error.message).")
    }
  }

  init(_ bytes: [UInt8], path: String) throws(ImportedHistory.Failure) {
    if ZipArchive.isZip(bytes) {
      self.init(path: path, content: .archive(try ZipArchive(bytes)))
    } else if let kind = Self.knownKinds.first(where: { bytes.starts(with: $0.beginning) }) {
      self.init(path: path, content: .unreadable(kind.advice))
    } else {
      let text = DecodedText(bytes)
      self.init(path: path, text: text)
    }
  }

  private init(path: String, content: Content, remarks: [ImportRemark] = []) {
    self.path = path
    self.content = content
    self.remarks = remarks
  }

  private init(path: String, text: DecodedText) {
    switch text.utf8.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
    case nil: self.init(path: path, content: .unreadable("It is empty."))
    case UInt8(ascii: "{"), UInt8(ascii: "["): self.init(path: path, json: text)
    case _ where text.isBinary: self.init(path: path, content: .unreadable("It is no text."))
    default:
      let text = text.withoutControls
      let table = CSVTable(text.utf8)
      self.init(path: path, content: .table(table), remarks: text.remarks + table.remarks)
    }
  }

  private init(path: String, json text: DecodedText) {
    do throws(JSONError) {
      let root = try JSONValue(parsing: String(decoding: text.utf8, as: UTF8.self))
      self.init(path: path, content: .json(root), remarks: text.remarks)
    } catch {
      let repaired = JSONRepair(text.utf8)
      if let root = try? JSONValue(parsing: String(decoding: repaired.utf8, as: UTF8.self)) {
        self.init(path: path, content: .json(root), remarks: text.remarks + repaired.remarks)
      } else {
        self.init(
          path: path, content: .unreadable("It begins like JSON and is not whole (\(error)). Export it again."))
      }
    }
  }

  /// Known kinds that are not supported, by their first bytes.
  private static let knownKinds: [(beginning: [UInt8], advice: String)] = [
    ([0xD0, 0xCF, 0x11, 0xE0], "It is a spreadsheet of an old kind (.xls): save it as CSV and import that."),
    (Array("%PDF".utf8), "It is a PDF: export the data as CSV, JSON or a backup and import that."),
    ([0x1F, 0x8B], "It is packed with gzip: unpack it and import what is in it."),
    (Array("bplist00".utf8), "It is a property list: export the data as CSV or JSON and import that."),
    (Array("SQLite format 3\0".utf8), "It is a database: import it as a file."),
  ]
}
