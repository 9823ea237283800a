// StreakDomain
