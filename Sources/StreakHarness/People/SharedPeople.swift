internal import SplitMix

/// Persons shared by the checks of all methods, created at first use.
final class SharedPeople {
  private let schema: ServiceSchema
  private let caller: Caller
  private let seed: UInt64
  private var people: [String: Person] = [:]
  private var ended: String?
  private var hasEnded = false

  init(_ schema: ServiceSchema, _ caller: Caller, seed: UInt64) {
    self.schema = schema
    self.caller = caller
    self.seed = seed
  }

  private func person(_ name: String) -> Person {
    if let person = people[name] { return person }
    let person = Person(schema, caller, SplitMix64(seed: seed, name: name))
    people[name] = person
    return person
  }

  /// One token of each kind that calls can obtain.
  func tokens() async throws -> [(kind: Int64, token: String)] {
    var tokens: [(kind: Int64, token: String)] = []
    for kind in Set(schema.tokens.keys).union(schema.givenTokens.keys).sorted() {
      if let token = try await person("holder of tokens").token(kind) { tokens.append((kind, token)) }
    }
    return tokens
  }

  /// A person with an account and objects. Calls with its credentials must not reveal another
  /// person's data.
  func stranger() async throws -> Person { try await prepared(person("stranger")) }

  /// Calls may have changed the stranger: a new one is created at the next use.
  func forgetStranger() { people["stranger"] = nil }

  /// A person whose data no other person's call may reach.
  func witness() async throws -> Person { try await prepared(person("witness")) }

  /// Creates one object of every kind that one call can create.
  private func prepared(_ person: Person) async throws -> Person {
    for method in schema.methods where method.authentication <= MethodSchema.authenticationUser {
      for kind in method.effects.provides where !method.effects.endsCredentials { try await person.ensure(kind) }
    }
    return person
  }

  /// A token that was valid until its owner revoked it; nil if the schema has no such method.
  func endedToken() async throws -> String? {
    guard !hasEnded else { return ended }
    hasEnded = true
    guard
      let method = schema.methods.first(where: {
        $0.effects.endsCredentials && $0.authentication == MethodSchema.authenticationUser
      })
    else { return nil }
    let person = person("leaver")
    let token = try await person.token(for: method)
    let request = try await RequestBuilder(person, form: .smallest).request(of: method)
    let reply = await caller.call(method, request.protobuf(schema), token: token)
    guard reply.status == nil else { throw HarnessError("\(method.label) refused to end a token: \(reply.summary)") }
    ended = token
    return token
  }
}
