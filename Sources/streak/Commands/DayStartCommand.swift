import ArgumentParser
import StreakClient

struct DayStartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "day-start", abstract: "Shows or sets when your day begins, such as 04:00.",
    discussion:
      "What you do before then belongs to the day before. With an account it holds on all your devices; days that are recorded stay as they are."
  )

  @Argument(help: "HH:MM, from 00:00 to 23:59.")
  var time: TimeArgument?

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      if let time {
        try await client.setDayStart(minutes: time.minutes)
        try await Streak.sendSoon(client, hasServer, false)
      }
      say("Your day begins at \(TimeArgument(minutes: try await client.dayStartMinutes())).")
    }
  }
}

/// A time of day as a command line argument.
struct TimeArgument: ExpressibleByArgument, CustomStringConvertible {
  let minutes: Int32

  init(minutes: Int32) { self.minutes = minutes }

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) }),
      let hours = Int32(parts[0]), let minutes = Int32(parts[1]), hours < 24, minutes < 60
    else { return nil }
    self.minutes = hours * 60 + minutes
  }

  var description: String {
    func digits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(digits(minutes / 60)):\(digits(minutes % 60))"
  }
}
