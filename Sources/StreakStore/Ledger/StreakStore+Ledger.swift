internal import StreakDomain

extension StreakStore {
  /// Changes a user's data for one device: stored data is durable when this returns.
  ///
  /// - Returns: The result of the request, or why a queue is refused as a whole.
  public func change(_ request: LedgerRequest) async throws(StoreError) -> Result<LedgerAnswer, QueueRefusal> {
    try await writer.submit(request)
  }
}
