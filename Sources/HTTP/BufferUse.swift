/// Bytes of memory that are held for peers: what a connection, or all connections of a loop, have
/// of it.
///
/// Of bodies the bytes that have arrived count (what their arrays have beyond that was never
/// touched), of everything else the bytes that are allocated. An exchange's first
/// `HTTPExchange.keptBytesMax` bytes in each direction do not: the number of exchanges is limited
/// instead, and a small call pays nothing for the counting.
public struct BufferUse: Sendable, Equatable {
  /// Header lists and bodies that have arrived and are not used yet, without room that was set
  /// aside for large messages.
  public internal(set) var receivedBytes = 0
  /// Responses, encrypted bytes and frames that the peer has not taken yet.
  public internal(set) var sendingBytes = 0

  public init() {}
}
