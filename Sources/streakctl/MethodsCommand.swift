import ArgumentParser
import RPC
import Schema

struct MethodsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods", abstract: "Lists the service's methods and the credentials that each needs.")

  func run() async throws {
    for method in SchemaCatalog.methods {
      print("\(method.service)/\(method.name)  authentication: \(method.policy.authentication)")
    }
  }
}
