/// Bytes that must not reach a log: a password, a token, a session's secret.
///
/// Printing, interpolating, dumping or reflecting a secret shows `redacted`; only `exposed` returns
/// the bytes.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The bytes themselves. The caller is responsible for keeping them secret.
  public let exposed: [UInt8]

  public init(_ bytes: [UInt8]) {
    exposed = bytes
  }

  /// The UTF-8 bytes of `text`.
  public init(_ text: String) {
    exposed = Array(text.utf8)
  }

  public var description: String { "redacted" }
  public var debugDescription: String { "redacted" }
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
