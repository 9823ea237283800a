import StreakClient

/// Prints the streak after a change of a day, and whether the day counts.
func sayOutcome(_ client: StreakClient, _ habitID: Identifier, _ day: Day) async throws {
  guard let habit = try await client.habit(habitID) else { return }
  if let cell = habit.cells[day], cell.done {
    if let explanation = cell.trust.explanation {
      say("That day is kept and does not count: \(explanation).")
    } else if try await !client.accounts().contains(where: \.isCurrent), let preview = try await client.previewSignUp(),
      day < preview.firstDayThatCounts
    {
      let isAnchored = preview.firstDayThatCounts.distance(to: habit.today) < MigrationPlan.windowDays - 1
      let rule =
        isAnchored
        ? "only days from \(preview.firstDayThatCounts) on count: the server knows when this device began"
        : "only the last \(MigrationPlan.windowDays) days count of those recorded before"
      say("That day is kept and shown, and does not count in an account: \(rule).")
    }
  }
  say(habit.streak.summary)
}
