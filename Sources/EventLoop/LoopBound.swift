/// Carries a loop-confined value through code that must be `Sendable`; the value can be read on the
/// loop's own thread only.
///
/// The last copy must be dropped on the loop's thread if the value's `deinit` uses the loop.
@safe public struct LoopBound<Value>: @unchecked Sendable {
  // Sendable because `value` traps on every thread but the one that owns the loop.
  private let confined: Value
  private let loop: EventLoop

  /// Wraps `value`, which belongs to `loop`'s thread.
  public init(_ value: Value, loop: EventLoop) {
    self.confined = value
    self.loop = loop
  }

  /// The value. Traps off the loop's thread.
  public var value: Value {
    loop.preconditionIsCurrent()
    return confined
  }
}
