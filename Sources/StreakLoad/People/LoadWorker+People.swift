internal import EventLoop

extension LoadWorker {
  /// Makes `count` people in the database.
  /// - Returns: Why people are missing; nil if none is.
  func makePeople(_ count: Int, database: String) async -> String? {
    do {
      let made = try await DatabasePeople.make(
        count, habitCount: settings.habitCount, dayCount: settings.dayCount,
        hasSecondDevice: settings.mix.contains(.watch), connectionString: database, loop: loop)
      for person in made { add(person) }
      return nil
    } catch {
      return "People cannot be made in the database: \(error)"
    }
  }

  /// Makes `count` people, several at a time.
  /// - Returns: Why people are missing; nil if none is.
  func makePeople(_ count: Int, atOnce: Int) async -> String? {
    var left = count
    var failure: CallFailure?
    let bound = LoopBound(self, loop: loop)
    let wanted = LoopBound(Countdown(count), loop: loop)
    let makers = (0..<min(count, atOnce)).map { _ in
      Task(executorPreference: loop) { () -> CallFailure? in
        while wanted.value.take() {
          do throws(CallFailure) {
            bound.value.add(try await bound.value.makePerson())
          } catch {
            wanted.value.left = 0
            return error
          }
        }
        return nil
      }
    }
    for maker in makers { failure = await maker.value ?? failure }
    left -= people.count
    return failure.map { "\(left) of \(count) people could not be made: \($0.label): \($0.message)" }
  }
}

/// The number of people still to be made.
private final class Countdown {
  var left: Int
  init(_ count: Int) { left = count }
  func take() -> Bool {
    left -= 1
    return left >= 0
  }
}
