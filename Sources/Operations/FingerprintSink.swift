/// The row counts and fingerprints of the dump that is written to it.
final class FingerprintSink: ByteSink {
  private(set) var fingerprint = DumpFingerprint()

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    unsafe fingerprint.take(bytes.span.bytes)
    return true
  }
}
