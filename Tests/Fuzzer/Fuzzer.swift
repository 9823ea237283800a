// libFuzzer's entry: runs the target named by STREAKD_FUZZ_TARGET for each input of libFuzzer.
// scripts/check --fuzz runs it.
import FuzzTargets
import Glibc

private let target: FuzzTarget = {
  let name = getenv("STREAKD_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    fatalError("STREAKD_FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue))")
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
