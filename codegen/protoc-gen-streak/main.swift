// protoc plugin: generates the Swift code of a schema. Run by ../generate.
//
// Parameters (protoc --streak_opt=...): c_module=NAME, the module of protoc-c's output;
// imports=NAME+NAME, modules whose types the files use; catalog=NAME, the enum that lists the files
// for reflection; reference=markdown, pages instead of Swift.
import Glibc
import ProtobufCodec

do {
  var input: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(0, &chunk, chunk.count)
    guard count > 0 else { break }
    input += chunk[..<count]
  }
  var response: [UInt8] = []
  do {
    let request = try GeneratorRequest(input)
    let files =
      try request.parameters["reference"] == nil
      ? SwiftGenerator(request).files() : ReferenceGenerator(request).pageFiles()
    for (name, content) in files {
      response.appendResponseFile(name: name, content: content)
    }
  } catch {
    response = []
    response.appendField(1, Array("\(error)".utf8))
  }
  response.withUnsafeBytes { bytes in
    var written = 0
    while written < bytes.count {
      let count = write(1, bytes.baseAddress?.advanced(by: written), bytes.count - written)
      guard count > 0 else { exit(1) }
      written += count
    }
  }
}
