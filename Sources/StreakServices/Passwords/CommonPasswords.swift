/// The passwords of eight characters and more that are guessed first, in lower case: common words,
/// sequences on the keyboard, and both with digits. Shorter ones are refused by their length. An
/// operator can add a list (`--breached-passwords`).
enum CommonPasswords {
  /// Whether a password is one of these in any letter case, with up to four digits or marks after
  /// it, or is one character repeated.
  static func holds(_ password: String) -> Bool {
    let lowered = password.lowercased()
    if Set(lowered.unicodeScalars).count <= 2 { return true }
    if words.contains(lowered) { return true }
    let stem = String(lowered.reversed().drop { !$0.isLetter }.reversed())
    return lowered.count - stem.count <= 4 && words.contains(stem)
  }

  private static let words: Set<String> = [
    "password", "passw0rd", "p@ssword", "p@ssw0rd", "passwort", "passwords", "mypassword", "password1", "password123",
    "contraseña", "contrasena", "motdepasse", "senha123", "parola123", "hallo123", "letmein123", "welcome1",
    "welcome123",
    "12345678", "123456789", "1234567890", "12345678910", "0123456789", "987654321", "9876543210", "87654321",
    "11223344",
    "1122334455", "112233445566", "123123123", "1231231234", "123321123", "12341234", "12344321", "123456123456",
    "123454321",
    "147258369", "159753456", "159357456", "741852963", "789456123", "963852741", "1q2w3e4r", "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx", "1qaz2wsx3edc", "1qazxsw2", "zaq12wsx", "zaq1zaq1", "q1w2e3r4", "q1w2e3r4t5", "qwertyui", "qwertyuiop",
    "qwerty12", "qwerty123", "qwerty1234", "qwerty12345", "qwerty123456", "qwertz123", "qwertzuiop", "azertyuiop",
    "azerty123",
    "asdfghjk", "asdfghjkl", "asdfasdf", "asdf1234", "asdfqwer", "zxcvbnm1", "zxcvbnm123", "zxcvbnmzxcvbnm",
    "qazwsxedc",
    "qazwsxedcrfv", "qweasdzxc", "qweasd123", "qwe123qwe", "qweqweqwe", "abcd1234", "abcdefgh", "abcdefghi",
    "abcdefghij",
    "abc12345", "abc123456", "abc123abc", "abcabcabc", "a1b2c3d4", "a1b2c3d4e5", "aa123456", "aaa11111", "iloveyou",
    "iloveyou1",
    "iloveyou2", "iloveyou123", "ilovehim", "ilovejesus", "loveyou1", "lovelove", "sunshine", "sunshine1", "princess",
    "princess1",
    "football", "football1", "baseball", "baseball1", "basketball", "superman", "superman1", "batman123", "spiderman",
    "pokemon1",
    "pokemon123", "starwars", "startrek", "trustno1", "whatever", "internet", "computer", "computer1", "michelle",
    "jennifer",
    "jonathan", "jessica1", "michael1", "charlie1", "jordan23", "liverpool", "liverpool1", "chelsea1", "arsenal1",
    "barcelona",
    "realmadrid", "manchester", "butterfly", "chocolate", "elephant", "dolphin1", "dragon123", "monkey123", "shadow123",
    "master123", "killer123", "hunter123", "hello123", "hellohello", "helloworld", "admin123", "admin1234",
    "administrator",
    "root1234", "rootroot", "toor1234", "test1234", "testtest", "testing123", "tester123", "guest123", "user1234",
    "username",
    "changeme", "changeme123", "default123", "secret123", "topsecret", "access123", "login123", "letmein1",
    "opensesame",
    "november", "december", "september", "october1", "february", "summer2024", "summer2025", "summer2026", "winter2024",
    "winter2025", "winter2026", "spring2025", "spring2026", "autumn2025", "autumn2026", "bailey12", "samantha",
    "victoria",
    "alexander", "elizabeth", "christian", "stephanie", "veronica", "caroline", "fernando", "cristina", "valentina",
    "sebastian",
    "california", "newyork1", "streaks1", "streakapp", "correcthorsebatterystaple", "pa55word", "pa55w0rd", "passpass",
  ]
}
