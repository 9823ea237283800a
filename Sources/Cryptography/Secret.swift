/// Bytes that must not reach a log: a password, a token, a session's secret.
///
/// Printing, interpolating, dumping or reflecting a secret shows `redacted`; only `exposed` returns
/// the bytes.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The bytes themselves. The caller is responsible for keeping them secret.
  package let exposed: [UInt8]

  package init(_ bytes: [UInt8]) {
    exposed = bytes
  }

  /// The UTF-8 bytes of `text`.
  package init(_ text: String) {
    exposed = Array(text.utf8)
  }

  package var description: String { "redacted" }
  package var debugDescription: String { "redacted" }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
