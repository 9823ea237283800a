internal import StreakDomain

extension StreakStore {
  /// Changes a person's data on behalf of one device: what is stored is durable when this returns.
  ///
  /// - Returns: What became of the request, or why a queue is refused as a whole.
  public func change(_ request: ChangeRequest) async throws(StoreError) -> Result<ChangeResult, QueueRefusal> {
    try await writer.submit(request)
  }
}
