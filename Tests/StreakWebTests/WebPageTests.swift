import Foundation
import RPC
import Testing

@testable import StreakWeb

@Suite struct WebPageTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/StreakWeb/Page").standardizedFileURL

  /// The files under `Page/`, by their paths below it.
  private static func filesOnDisk() throws -> [String: [UInt8]] {
    let found = try #require(FileManager.default.enumerator(atPath: folder.path))
    var files: [String: [UInt8]] = [:]
    for case let path as String in found {
      let file = folder.appending(path: path)
      guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
      files[path] = Array(try Data(contentsOf: file))
    }
    return files
  }

  @Test("every file of the page is served, with its own bytes, and nothing else")
  func allFiles() throws {
    let onDisk = try Self.filesOnDisk()
    #expect(Set(WebFile.all.map(\.path)) == Set(onDisk.keys), "codegen/generate lists the files anew")
    for file in WebFile.all { #expect(file.bytes == onDisk[file.path], "\(file.path)") }
    #expect(Set(WebPage.resources().map(\.path)) == Set(onDisk.keys.map { "/" + $0 } + ["/"]))
  }

  @Test("every file has a content type of its own kind")
  func contentTypes() {
    for file in WebFile.all { #expect(file.contentType != "application/octet-stream", "\(file.path)") }
    #expect(WebFile(path: "a.b/c.js", bytes: []).contentType == "text/javascript; charset=utf-8")
    #expect(WebFile(path: "a", bytes: []).contentType == "application/octet-stream")
  }

  @Test("the compressed form is smaller, has another entity tag, and changes with the bytes")
  func representations() throws {
    let text = [UInt8](repeating: 0x61, count: 1_000)
    let first = try #require(WebPage.resources(of: [WebFile(path: "a.js", bytes: text)]).first)
    let other = try #require(WebPage.resources(of: [WebFile(path: "a.js", bytes: text + [0x62])]).first)
    let gzip = try #require(first.gzip)
    #expect(gzip.body.count < 100 && gzip.body.starts(with: [0x1F, 0x8B]))
    #expect(Set([first.plain.entityTag, gzip.entityTag, other.plain.entityTag, other.gzip?.entityTag]).count == 4)
    #expect(try #require(WebPage.resources(of: [WebFile(path: "a.png", bytes: text)]).first).gzip == nil)
    #expect(try #require(WebPage.resources(of: [WebFile(path: "a.js", bytes: [0x61])]).first).gzip == nil)
  }
}
