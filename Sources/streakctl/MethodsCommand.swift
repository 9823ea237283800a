import ArgumentParser
import RPC
import Schema

struct MethodsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods", abstract: "Lists what can be called, and with whose credentials.")

  func run() async throws {
    for method in SchemaCatalog.methods {
      print("\(method.service)/\(method.name)  authentication: \(method.policy.authentication)")
    }
  }
}
