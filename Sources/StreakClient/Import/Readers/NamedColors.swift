/// Colour names of trackers, with the values of Tailwind's middle shade.
enum NamedColors {
  private static let colors: [String: UInt32] = [
    "slate": 0x64748B, "gray": 0x6B7280, "grey": 0x6B7280, "red": 0xEF4444, "orange": 0xF97316, "amber": 0xF59E0B,
    "yellow": 0xEAB308, "lime": 0x84CC16, "green": 0x22C55E, "emerald": 0x10B981, "teal": 0x14B8A6, "cyan": 0x06B6D4,
    "sky": 0x0EA5E9, "blue": 0x3B82F6, "indigo": 0x6366F1, "violet": 0x8B5CF6, "purple": 0xA855F7, "fuchsia": 0xD946EF,
    "pink": 0xEC4899, "rose": 0xF43F5E,
  ]

  /// The colour of a name or of hexadecimal digits, such as "#FF5722" or "0xFFFF5722"; 0 for other
  /// text.
  static func color(_ text: String) -> UInt32 {
    if let color = colors[text.lowercased()] { return color }
    let digits = text.lowercased().hasPrefix("0x") ? text.dropFirst(2) : text.drop { $0 == "#" }
    if digits.count == 3 { return UInt32(digits.map { "\($0)\($0)" }.joined(), radix: 16) ?? 0 }
    return [6, 8].contains(digits.count) ? (UInt32(digits, radix: 16) ?? 0) & 0xFF_FFFF : 0
  }
}
