internal import ProtobufCodec

/// Shrinks the request of a failed check as long as the check fails in the same way. Required
/// fields, and the place that the check is about, are kept.
struct Shrinker {
  /// Most calls to shrink one failure.
  static let attemptsMax = 150
  /// Most calls to shrink all failures of one method: after that, requests stay large.
  static let attemptsPerMethodMax = 400

  let schema: ServiceSchema
  let keep: FieldPath?
  /// Remaining calls for the method's failures.
  var attemptsLeft: Int

  /// - Parameter stillFails: Whether a request fails the check in the same way.
  mutating func shrink(_ request: DynamicMessage, _ stillFails: (DynamicMessage) async -> Bool) async -> DynamicMessage
  {
    var smallest = request
    var attempts = 0
    var isProgressing = true
    while isProgressing {
      isProgressing = false
      for candidate in candidates(smallest, keep?.steps[...]) {
        guard attempts < Self.attemptsMax, attemptsLeft > 0 else { return smallest }
        attempts += 1
        attemptsLeft -= 1
        if await stillFails(candidate) {
          smallest = candidate
          isProgressing = true
          break
        }
      }
    }
    return smallest
  }

  /// Copies of the message with one value removed. `kept` is the rest of the path to the place that
  /// must stay; nil if the path does not lead through this message.
  private func candidates(_ message: DynamicMessage, _ kept: ArraySlice<FieldPath.Step>?) -> [DynamicMessage] {
    var result: [DynamicMessage] = []
    for field in schema.message(message.type).fields {
      guard let values = message.fields[field.number], !values.isEmpty else { continue }
      let isOnTheWay = kept?.first?.number == field.number
      if isOnTheWay && kept?.count == 1 { continue }
      let isNeeded = field.rules.required || field.rules.range.map { !$0.contains(0) } ?? false || field.oneof != nil
      if !isOnTheWay && !isNeeded {
        var smaller = message
        smaller.fields[field.number] = nil
        result.append(smaller)
        continue
      }
      if field.isRepeated && values.count > 1 && !isOnTheWay {
        var smaller = message
        smaller.fields[field.number] = [values[0]]
        result.append(smaller)
      }
      for (index, value) in values.enumerated() {
        switch value {
        case .message(let child):
          let step = kept?.first
          let below = isOnTheWay && (step?.index ?? 0) == index ? kept?.dropFirst() : nil
          for candidate in candidates(child, below) {
            var smaller = message
            smaller.fields[field.number]?[index] = .message(candidate)
            result.append(smaller)
          }
        case .bytes(let bytes):
          let least = max(field.rules.minBytes, 1)
          guard !isOnTheWay, field.meaning.isFree, !field.meaning.isNew, !field.rules.uuid, bytes.count > least else {
            continue
          }
          var smaller = message
          smaller.fields[field.number]?[index] = .bytes(Array(bytes.prefix(max(least, bytes.count / 4))))
          result.append(smaller)
        case .number(let number):
          let least = field.rules.range?.lowerBound ?? 0
          guard !isOnTheWay, field.meaning.isFree, number != least, field.type != .bool, field.type != .enumeration
          else { continue }
          var smaller = message
          smaller.fields[field.number]?[index] = .number(least)
          result.append(smaller)
        }
      }
    }
    return result
  }
}
