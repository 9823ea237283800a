public import CProtobufC

// Functions with which generated code converts between Swift values and protobuf-c's structs. The
// generic ones are inlinable, because the generated code is in other modules: a generic function
// that is not specialised for its caller asks the Swift runtime for types at every call.

extension Arena {
  /// A C struct of type `Struct`, uninitialised.
  @inlinable
  public mutating func make<Struct>(_ type: Struct.Type) -> UnsafeMutablePointer<Struct>? {
    unsafe take(MemoryLayout<Struct>.size)?.bindMemory(to: type, capacity: 1)
  }

  /// The text with a NUL at its end. A NUL inside the text ends it.
  public mutating func cString(_ text: String) -> UnsafeMutablePointer<CChar>? {
    var text = text
    return text.withUTF8 { utf8 in
      guard let memory = unsafe take(utf8.count + 1) else { return nil }
      unsafe UnsafeMutableRawBufferPointer(start: memory, count: utf8.count).copyMemory(
        from: UnsafeRawBufferPointer(utf8))
      unsafe memory.storeBytes(of: 0, toByteOffset: utf8.count, as: UInt8.self)
      return unsafe memory.bindMemory(to: CChar.self, capacity: utf8.count + 1)
    }
  }

  /// A copy of the bytes.
  public mutating func binaryData(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    guard !bytes.isEmpty, let memory = unsafe take(bytes.count) else {
      return unsafe ProtobufCBinaryData(len: 0, data: nil)
    }
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: memory, count: bytes.count).copyMemory(from: bytes)
    }
    return unsafe ProtobufCBinaryData(
      len: bytes.count, data: memory.bindMemory(to: UInt8.self, capacity: bytes.count))
  }

  /// A C array with the result of `convert` for each item; nil for an empty list.
  @inlinable
  public mutating func array<Item, Element>(
    _ items: [Item], _ convert: (Item, inout Arena) -> Element
  ) -> UnsafeMutablePointer<Element>? {
    guard !items.isEmpty, let memory = unsafe take(items.count * MemoryLayout<Element>.stride) else { return nil }
    let elements = unsafe memory.bindMemory(to: Element.self, capacity: items.count)
    // A span lends its elements; an array's would be copied.
    let items = items.span
    for index in items.indices {
      unsafe (elements + index).initialize(to: convert(items[index], &self))
    }
    return unsafe elements
  }

  /// A message's C struct.
  @inlinable
  public mutating func message<Message: ProtobufMessage, Struct>(
    _ message: Message?, as type: Struct.Type
  ) -> UnsafeMutablePointer<Struct>? {
    guard let message else { return nil }
    return unsafe message.cMessage(in: &self)?.assumingMemoryBound(to: type)
  }
}

@unsafe public enum CBridge {
  /// The table that protobuf-c's `initialise` function of a message puts into a new struct.
  public static func table<Struct>(
    of type: Struct.Type, _ initialise: (UnsafeMutablePointer<Struct>?) -> Void
  ) -> UnsafePointer<ProtobufCMessageDescriptor> {
    let message = UnsafeMutablePointer<Struct>.allocate(capacity: 1)
    defer { unsafe message.deallocate() }
    unsafe initialise(message)
    return unsafe UnsafeRawPointer(message).load(as: ProtobufCMessage.self).descriptor
  }

  /// The text of a C string; empty for a nil pointer.
  public static func string(_ text: UnsafePointer<CChar>?) -> String {
    unsafe text.map { unsafe String(cString: $0) } ?? ""
  }

  /// A copy of the bytes.
  public static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  /// The result of `convert` for each element of a C array.
  @inlinable
  public static func array<Element, Item>(
    _ elements: UnsafePointer<Element>?, _ count: Int, _ convert: (Element) -> Item
  ) -> [Item] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map(convert)
  }

  /// The message in a C struct; nil for a nil pointer.
  @inlinable
  public static func message<Message: ProtobufMessage>(
    _ pointer: UnsafeRawPointer?, _ type: Message.Type
  ) -> Message? {
    unsafe pointer.map { unsafe Message(cMessage: $0) }
  }

  /// The messages of a C array.
  @inlinable
  public static func messages<Struct, Message: ProtobufMessage>(
    _ elements: UnsafePointer<UnsafeMutablePointer<Struct>?>?, _ count: Int, _ type: Message.Type
  ) -> [Message] {
    unsafe UnsafeBufferPointer(start: elements, count: count).compactMap { element in
      unsafe element.map { unsafe Message(cMessage: UnsafeRawPointer($0)) }
    }
  }
}
