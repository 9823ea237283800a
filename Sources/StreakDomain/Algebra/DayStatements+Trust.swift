/// The trust of a day and of its completions. It derives from the statements, not from the order of
/// their arrival. Source: Specification.md, section 4.
extension DayStatements {
  /// The day's trust: of a done day that of its best completion, otherwise that of the completions
  /// taken back.
  public var trust: CompletionTrust {
    if undos.isEmpty, completions.count == 1 { return trust(of: completions[0]) }
    var derivation = TrustDerivation(of: self)
    let trusts =
      isDone
      ? completions.compactMap { derivation.trust(of: $0) } : undos.compactMap { derivation.trust(of: $0) }
    return trusts.max() ?? .counted
  }

  /// The trust that applies to a completion.
  func trust(of completion: Completion) -> CompletionTrust {
    guard !completion.follows.isEmpty else { return completion.trust }
    var derivation = TrustDerivation(of: self)
    return derivation.trust(of: completion) ?? completion.trust
  }

  /// The trust that a completion by this author inherits; nil: it is judged by itself.
  func inheritedTrust(of author: Author) -> CompletionTrust? {
    guard !undos.isEmpty else { return nil }
    var derivation = TrustDerivation(of: self)
    return undos.filter { author.covers($0.id) }.compactMap { derivation.trust(of: $0) }.max()
  }

  /// The trust that a resolution by this author keeps: the best of the completions that it knows,
  /// standing or taken back; nil: none has arrived.
  func keptTrust(of author: Author) -> CompletionTrust? {
    var derivation = TrustDerivation(of: self)
    let kept = standing(knownTo: author).compactMap { derivation.trust(ofCompletion: $0) }
    return (kept + [inheritedTrust(of: author)].compactMap { $0 }).max()
  }

  /// Removes the counting completions from the streak: the bound of days before the account's first
  /// date is reached.
  mutating func quarantineOverLimit() {
    var derivation = TrustDerivation(of: self)
    let trusts = completions.map { derivation.trust(of: $0) }
    for (index, trust) in zip(completions.indices, trusts) where trust?.trust == .counted && trust?.isExempt == false {
      completions[index].trust = CompletionTrust(.quarantined(.overLimit))
      completions[index].origin = .fixed
    }
  }
}

/// Derives the trust of a day's completions. Each statement is derived once; statements of which
/// each claims to have known the other derive from nothing.
private struct TrustDerivation {
  private let day: DayStatements
  private let undos: [StatementID: DayStatements.Undo]
  private var derived: [StatementID: CompletionTrust?] = [:]

  init(of day: DayStatements) {
    self.day = day
    undos = Dictionary(day.undos.map { ($0.id, $0) }) { first, _ in first }
  }

  /// Nil: its migration was undone.
  mutating func trust(of completion: DayStatements.Completion) -> CompletionTrust? {
    switch completion.origin {
    case .void: return nil
    case .fixed: return completion.trust
    case .judged, .kept: break
    }
    guard !completion.follows.isEmpty else { return completion.trust }
    if let trust = derived[completion.id] { return trust }
    derived[completion.id] = .some(nil)
    let followed = completion.follows.compactMap { name in
      if let undo = undos[name] { return trust(of: undo) }
      // Otherwise it is an undo that the bound dropped, except for a resolution.
      return completion.origin == .kept ? trust(ofCompletion: name) : nil
    }
    let best = followed.max() ?? completion.trust
    derived[completion.id] = .some(best)
    return best
  }

  /// The best trust of the completions that an undo took back; nil: it is the undo of a migration,
  /// or none has arrived.
  mutating func trust(of undo: DayStatements.Undo) -> CompletionTrust? {
    guard undo.isInherited else { return nil }
    if let trust = derived[undo.id] { return trust }
    derived[undo.id] = .some(nil)
    let best = day.completionsTaken(by: [undo]).compactMap { trust(of: $0) }.max()
    derived[undo.id] = .some(best)
    return best
  }

  /// The trust of a completion, standing or taken back; nil: it has not arrived.
  mutating func trust(ofCompletion name: StatementID) -> CompletionTrust? {
    day.completion(named: name).flatMap { trust(of: $0) }
  }
}
