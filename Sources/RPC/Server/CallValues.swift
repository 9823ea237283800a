/// The values that interceptors and handlers have attached to a call, at most one of each type.
/// Loop-confined, like the call.
@usableFromInline
struct CallValues {
  /// One value; the others follow it. Few calls have more than one.
  @usableFromInline
  class Entry {
    @usableFromInline let type: ObjectIdentifier
    @usableFromInline let next: Entry?

    @usableFromInline
    init(type: ObjectIdentifier, next: Entry?) {
      self.type = type
      self.next = next
    }
  }

  @usableFromInline
  final class TypedEntry<Value>: Entry {
    @usableFromInline var value: Value?

    @usableFromInline
    init(_ value: Value, next: Entry?) {
      self.value = value
      super.init(type: ObjectIdentifier(Value.self), next: next)
    }
  }

  @usableFromInline var first: Entry?

  @usableFromInline
  init() {}

  @inlinable
  subscript<Value>(type: Value.Type) -> Value? {
    get { entry(type)?.value }
    set {
      if let entry = entry(type) {
        entry.value = newValue
      } else if let newValue {
        first = TypedEntry(newValue, next: first)
      }
    }
  }

  @inlinable
  func entry<Value>(_ type: Value.Type) -> TypedEntry<Value>? {
    var next = first
    while let entry = next {
      // The type names the entry's class.
      if entry.type == ObjectIdentifier(type) { return unsafe unsafeDowncast(entry, to: TypedEntry<Value>.self) }
      next = entry.next
    }
    return nil
  }
}

extension ServerContext {
  /// What an interceptor or a handler has attached to the call, such as the caller's identity: at
  /// most one value of each type.
  ///
  /// ```swift
  /// context[Caller.self] = try await caller(of: context)
  /// ```
  @inlinable
  public subscript<Value: Sendable>(type: Value.Type) -> Value? {
    get { values[type] }
    set { values[type] = newValue }
  }
}
