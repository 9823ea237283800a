internal import StreakDomain

extension StreakStore {
  /// Changes a person's data on behalf of one device: what is stored is durable when this returns.
  ///
  /// - Returns: What became of the request, or why a queue is refused as a whole.
  public func change(_ request: LedgerRequest) async throws(StoreError) -> Result<LedgerAnswer, QueueRefusal> {
    try await writer.submit(request)
  }
}
