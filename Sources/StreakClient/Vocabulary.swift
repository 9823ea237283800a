/// The types of this library's interface (`Day`, `HabitFields`, `Streak`, `Identifier`, ...) are
/// exported with it, so that an app needs no other import.
@_exported public import StreakDomain
