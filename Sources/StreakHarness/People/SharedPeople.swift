/// People whom the checks of all methods share, made when they are first needed.
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
    let person = Person(schema, caller, Randomness(seed: seed, name: name))
    people[name] = person
    return person
  }

  /// A token of each kind that calls can get.
  func tokens() async throws -> [(kind: Int64, token: String)] {
    var tokens: [(kind: Int64, token: String)] = []
    for kind in Set(schema.tokens.keys).union(schema.givenTokens.keys).sorted() {
      if let token = try await person("holder of tokens").token(kind) { tokens.append((kind, token)) }
    }
    return tokens
  }

  /// Somebody with an account and things of their own, who must not see anybody else's.
  func stranger() async throws -> Person { try await settle(person("stranger")) }

  /// The stranger may have lost or changed something.
  func forgetStranger() { people["stranger"] = nil }

  /// Somebody whom nobody's calls may reach.
  func witness() async throws -> Person { try await settle(person("witness")) }

  /// Gives a person one thing of every kind that an account can have by one call.
  private func settle(_ person: Person) async throws -> Person {
    for method in schema.methods where method.authentication <= MethodSchema.authenticationUser {
      for kind in method.provides where !method.endsCredentials { try await person.ensure(kind) }
    }
    return person
  }

  /// A token that worked until its owner gave it up; nil if the schema has no way to.
  func endedToken() async throws -> String? {
    guard !hasEnded else { return ended }
    hasEnded = true
    guard
      let method = schema.methods.first(where: {
        $0.endsCredentials && $0.authentication == MethodSchema.authenticationUser
      })
    else { return nil }
    let person = person("who leaves")
    let token = try await person.token(for: method)
    let request = try await RequestBuilder(person, form: .smallest).request(of: method)
    let reply = await caller.call(method, request.protobuf(schema), token: token)
    guard reply.status == nil else { throw HarnessError("\(method.label) refused to end a token: \(reply.summary)") }
    ended = token
    return token
  }
}
