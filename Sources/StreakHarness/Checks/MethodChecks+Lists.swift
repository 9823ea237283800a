internal import ProtobufCodec

extension MethodChecks {
  /// Most different items in a list: longer lists repeat them.
  private static let differentItemsMax = 1_000

  /// Lists of messages with exactly the largest length that the rules allow, and with one item
  /// more; each item is valid.
  func checkLists() async throws {
    let shape = try await RequestBuilder(person, form: .full).request(of: method)
    for place in lists(in: shape, FieldPath()) {
      guard settings.longLists || place.field.rules.maxItems <= BoundaryValues.itemsMax else { continue }
      let name = "\(place.path)"
      for (rule, count) in [
        ("max_items", place.field.rules.maxItems), ("max_items and one", place.field.rules.maxItems + 1),
      ] {
        let builder = RequestBuilder(person, form: .smallest)
        var request = try await builder.request(of: method)
        // The message that holds the list is present only in the full form, unless it is required.
        if list(place, in: request) == nil {
          request = try await RequestBuilder(person, form: .full).request(of: method)
        }
        let items = try await items(of: place.field, count: count, by: builder)
        request.update(place.path) { $0.fields[place.field.number] = items }
        let isAllowed = count == place.field.rules.maxItems
        let reply = try await check(
          isAllowed ? "boundary \(rule) of \(name)" : "rule \(rule) of \(name)", consistent(request),
          isAllowed ? .keptRule(name) : .brokenRule(name), keep: place.path)
        if method.effects.endsCredentials, reply.status == nil { newPerson() }
      }
    }
  }

  private struct ListPlace {
    let field: FieldSchema
    let path: FieldPath
  }

  /// Lists of messages with a limit, except those inside the items of another list.
  private func lists(in message: DynamicMessage, _ path: FieldPath) -> [ListPlace] {
    var found: [ListPlace] = []
    for field in schema.message(message.type).fields where field.type == .message {
      let here = path.appending(field)
      if field.isRepeated {
        if field.rules.maxItems > 0, message.fields[field.number] != nil {
          found.append(ListPlace(field: field, path: here))
        }
      } else if let child = message.messages(field).first {
        found += lists(in: child, here)
      }
    }
    return found
  }

  /// The message that holds a list; nil if the request has none.
  private func list(_ place: ListPlace, in request: DynamicMessage) -> DynamicMessage? {
    var holder = request
    for step in place.path.steps.dropLast() {
      guard let field = schema.message(holder.type).field(step.number), let child = holder.messages(field).first else {
        return nil
      }
      holder = child
    }
    return holder
  }

  private func items(of field: FieldSchema, count: Int, by builder: RequestBuilder) async throws -> [DynamicValue] {
    var different: [DynamicValue] = []
    for _ in 0..<min(count, Self.differentItemsMax) {
      different.append(.message(try await builder.message(field.typeName, depth: 1)))
    }
    return (0..<count).map { different[$0 % different.count] }
  }
}
