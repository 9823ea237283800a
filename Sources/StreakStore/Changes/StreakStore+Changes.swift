internal import StreakDomain

extension StreakStore {
  /// Changes a user's data for one device: stored data is durable when this returns.
  ///
  /// - Returns: The result of the request, or why a queue is refused as a whole.
  public func change(_ request: ChangeRequest) async throws(StoreError) -> Result<ChangeResult, QueueRefusal> {
    try await writer.submit(request)
  }
}
