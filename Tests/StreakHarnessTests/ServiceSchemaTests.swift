import ProtobufCodec
import RPC
import Schema
import Testing

@testable import StreakHarness

/// The schema that the harness reads from descriptors.
@Suite
struct ServiceSchemaTests {
  @Test(
    "the rules read from descriptors are those that the generator built into the server, for every field of every request"
  )
  func rulesAreTheServers() throws {
    let schema = try ServiceSchema.ofBuild()
    var waiting = SchemaCatalog.methods.map(\.request)
    var seen: Set<String> = []
    var ruleCount = 0
    while let message = waiting.popLast() {
      guard seen.insert(message.fullName).inserted else { continue }
      for field in message.fields {
        let read = try #require(
          schema.message(message.fullName).field(field.number), "\(message.fullName).\(field.name)")
        #expect(read.name == field.name && read.type == field.type && read.isRepeated == field.isRepeated)
        #expect(read.rules == field.rules ?? FieldRules(), "\(message.fullName).\(field.name)")
        ruleCount += field.rules == nil ? 0 : 1
        if let child = message.message(of: field) { waiting.append(child) }
      }
    }
    #expect(ruleCount > 50)
    #expect(schema.methods.map(\.path).sorted() == SchemaCatalog.methods.map(\.path).sorted())
  }

  @Test("every value that a method needs is provided by another method, unless success is conditional")
  func kindsAreProvided() throws {
    let schema = try ServiceSchema.ofBuild()
    let provided = Set(schema.methods.flatMap(\.effects.provides))
    for method in schema.methods
    where !method.effects.isConditional && method.authentication <= MethodSchema.authenticationUser {
      for field in schema.message(method.request).fields where !field.meaning.kind.isEmpty && !field.meaning.isNew {
        #expect(provided.contains(field.meaning.kind), "\(method.label) needs \(field.meaning.kind)")
      }
    }
    for form in schema.tokens.values { #expect(form.parts.allSatisfy { provided.contains($0) }) }
  }

  @Test("the overlay names only what the schema declares")
  func overlayIsOfThisSchema() throws {
    let schema = try ServiceSchema.ofBuild()
    let fields = schema.messages.values.flatMap { message in message.fields.map { "\(message.name).\($0.name)" } }
    let methods = schema.methods.map { "\($0.service).\($0.name)" }
    let undeclared = try Set(SchemaOverlay.streak().names).subtracting(fields + methods)
    #expect(undeclared == [])
    #expect(schema.tokens.count == 2)
  }

  @Test(
    "an overlay that says what means nothing is refused with its place",
    arguments: [
      (#"{"fields": {"a.B.c": {"knd": "habit"}}}"#, "a.B.c has a member knd, which means nothing"),
      (#"{"fields": {"a.B.c": {"source": "sun"}}}"#, "a.B.c knows no source sun"),
      (#"{"fields": {"a.B.c": {"new": 1}}}"#, "a.B.c has no boolean in new"),
      (#"{"methods": {"a.B.c": {"provides": "x"}}}"#, "a.B.c has no list in provides"),
      (#"{"tokens": []}"#, "overlay has no object in tokens"), ("[]", "overlay is no object"),
    ])
  func overlayIsStrict(text: String, reason: String) {
    let error = #expect(throws: SchemaError.self) { try SchemaOverlay(text) }
    #expect(error?.description == reason)
  }

  /// A file with `message M { string extra = 1 [(buf.validate.field) = { required: true, string: {
  /// max_bytes: 3 } }]; }`, as a later version might have it.
  private func laterFile() -> [UInt8] {
    func field(_ number: UInt32, _ payload: [UInt8]) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(number, payload: payload)
      return bytes
    }
    let options = field(1159, [0xC8, 0x01, 1] + field(14, [0x28, 3]))
    let extra =
      field(1, Array("extra".utf8)) + [0x18, 1, 0x20, 1, 0x28, 9] + field(8, options) + field(10, Array("extra".utf8))
    return field(1, Array("later.proto".utf8)) + field(2, Array("later".utf8))
      + field(4, field(1, Array("M".utf8)) + field(2, extra))
  }

  @Test("a new field is checked against its rules without a change here")
  func laterFieldsAreTried() throws {
    let schema = try ServiceSchema(files: [laterFile()], overlay: SchemaOverlay())
    var message = DynamicMessage("later.M")
    message.fields[1] = [.bytes([0x61])]
    let violations = RuleViolations(schema, of: message).all
    #expect(violations.map { "\($0.rule) of \($0.path)" } == ["required of extra", "max_bytes of extra"])
    var broken = message
    broken.update(violations[1].path, violations[1].apply)
    #expect(broken.protobuf(schema) == [0x0A, 4, 0x78, 0x78, 0x78, 0x78])
  }

  @Test("messages survive JSON and bytes")
  func roundTrip() throws {
    let schema = try ServiceSchema.ofBuild()
    let json = try JSONValue(
      parsing: """
        {"userId": "AAECAwQFBgcICQoLDA0ODw==", "operations": [{"seq": "9007199254740993", "hybridTime": "18446744073709551615", \
        "setCompletion": {"day": -1, "done": true, "note": "\\"\\n\\u00e9", "clientTime": {"utcOffsetSeconds": -43200}}}, \
        {"editHabit": {"fields": ["HABIT_FIELD_NAME", "HABIT_FIELD_COLOR"]}}], "queueDrained": true}
        """)
    let message = try DynamicMessage("streak.v1.SyncRequest", json: json, schema)
    #expect(message.json(schema) == json)
    #expect(try DynamicMessage("streak.v1.SyncRequest", bytes: message.protobuf(schema), schema) == message)
    #expect(message.differences(from: json, schema).isEmpty)
    // The server's own codec reads the same.
    #expect(try SyncRequest(protobufBytes: message.protobuf(schema)).operations.first?.seq == 9_007_199_254_740_993)
    let other = try JSONValue(parsing: #"{"operations": [{"setCompletion": {"day": 0}}, {}]}"#)
    #expect(message.differences(from: other, schema) == ["operations[0].setCompletion.day is -1, expected 0"])
  }
}
