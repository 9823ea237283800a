/// The words of this library's interface (`Day`, `HabitFields`, `Streak`, `Identifier`, ...) come
/// with it: an app imports nothing else to name a day.
@_exported public import StreakDomain
