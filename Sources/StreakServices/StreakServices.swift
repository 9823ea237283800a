// StreakServices
