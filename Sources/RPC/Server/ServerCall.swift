/// The life of one call, from its headers to the end of its stream and of its handler: events in,
/// decisions out. No I/O; `ServerContext` acts.
///
/// The stream and the handler end independently: a handler may still run when the call is over, and
/// a response may still be on its way when the handler has returned.
struct ServerCall {
  /// The part of the response that can still be sent.
  enum Response: Equatable {
    /// Nothing has been sent. Followed by open, ended and closed.
    case idle
    /// Response headers are sent; messages may follow. Followed by ended and closed.
    case open
    /// The outcome is decided: whatever the handler does now is ignored. Followed by closed.
    case ended
    /// The stream is over: nothing can be sent any more.
    case closed
  }

  enum Handler: Equatable {
    /// The request it needs has not arrived. Followed by running.
    case notStarted
    /// Followed by returned.
    case running
    case returned
  }

  /// What a running handler is suspended for.
  struct Suspension: OptionSet {
    let rawValue: UInt8
    /// More of the request.
    static let request = Suspension(rawValue: 1)
    /// Room for more of the response.
    static let room = Suspension(rawValue: 2)
  }

  private(set) var response = Response.idle
  private(set) var handler = Handler.notStarted
  private(set) var suspension: Suspension = []

  /// The outcome is not decided.
  var isOpen: Bool { response == .idle || response == .open }

  // MARK: Handler

  /// The request is there, as far as the handler needs it to begin.
  /// - Returns: Whether the handler is to be started: once, and only for a call that is not over.
  mutating func start() -> Bool {
    guard isOpen, handler == .notStarted else { return false }
    handler = .running
    return true
  }

  /// Ignored for a handler that does not run.
  mutating func handlerReturned() {
    if handler == .running { handler = .returned }
  }

  /// The handler is about to wait.
  /// - Returns: Whether it may: nothing would resume it once the call is over.
  mutating func suspend(for reason: Suspension) -> Bool {
    guard isOpen else { return false }
    suspension.insert(reason)
    return true
  }

  /// What the handler waits for may have arrived.
  /// - Returns: Whether it waits for that, and is to be resumed.
  mutating func resume(for reason: Suspension) -> Bool { suspension.remove(reason) != nil }

  // MARK: Response

  /// A message of a streaming response is to be sent.
  /// - Returns: Whether the response's headers go first. Not to be called once the call is over.
  mutating func send() -> Bool {
    guard response == .idle else { return false }
    response = .open
    return true
  }

  /// How a response ends.
  enum End: Equatable {
    /// It has ended already, or cannot be sent.
    case ignored
    /// Nothing has been sent: headers, messages and the status go together.
    case whole
    /// Headers have been sent: the status follows.
    case rest
  }

  /// The outcome is decided.
  mutating func end() -> End {
    switch response {
    case .idle:
      response = .ended
      return .whole
    case .open:
      response = .ended
      return .rest
    case .ended, .closed: return .ignored
    }
  }

  /// The stream is over.
  /// - Returns: Whether that decided the outcome.
  mutating func close() -> Bool {
    defer { response = .closed }
    return isOpen
  }
}
