internal import EventLoop

/// Network addresses with the same first bits, such as `10.0.0.0/8`; a single address is a range of
/// its own.
package struct AddressRange: Sendable, Equatable {
  private let bytes: [UInt8]
  private let prefixBits: Int

  /// Takes `ADDRESS` or `ADDRESS/BITS`.
  /// - Returns: Nil for anything else.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = parts.first, let address = SocketAddress(host: String(host), port: 0) else { return nil }
    bytes = address.addressBytes
    guard parts.count == 2 else {
      prefixBits = bytes.count * 8
      return
    }
    guard let bits = Int(parts[1]), (0...bytes.count * 8).contains(bits) else { return nil }
    prefixBits = bits
  }

  /// Whether the range contains an address, as `SocketAddress.addressBytes` writes it.
  func contains(_ address: [UInt8]) -> Bool {
    guard address.count == bytes.count else { return false }
    return (0..<prefixBits).allSatisfy { bit in
      (address[bit / 8] ^ bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
    }
  }
}
