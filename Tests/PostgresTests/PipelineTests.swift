import Testing

@testable import Postgres

@Suite("Pipeline")
struct PipelineTests {
  private final class Work {}
  private static let statement = Statement(.read, "select 1")
  private static let error = DatabaseError.rejected(.divisionByZero, constraint: nil, serverMessage: "")

  /// One segment of one step per work.
  private func pipeline(_ works: Work...) -> Pipeline<Work> {
    var pipeline = Pipeline<Work>()
    for work in works { pipeline.sent(.step(work)) }
    pipeline.sent(.sync)
    return pipeline
  }

  private func segment(_ action: Pipeline<Work>.Action) -> Pipeline<Work>.Segment? {
    if case .finished(let segment) = action { segment } else { nil }
  }

  private func isViolation(_ action: Pipeline<Work>.Action) -> Bool {
    if case .violation = action { true } else { false }
  }

  @Test("a step is complete only when its sync is answered")
  func completeAtSync() {
    let work = Work()
    var pipeline = pipeline(work)
    guard case .deliver(let receiver) = pipeline.receive(.success) else { return #expect(Bool(false)) }
    #expect(receiver === work)
    #expect(segment(pipeline.receive(.end)) == nil)
    #expect(pipeline.stepCount == 1)
    let segment = segment(pipeline.receive(.synced))
    #expect(segment?.works.count == 1 && segment?.failure == nil)
    #expect(pipeline.stepCount == 0 && pipeline.isEmpty)
  }

  @Test("the first error of a segment names its work, and later steps are skipped")
  func firstErrorIsKept() {
    let works = [Work(), Work(), Work()]
    var pipeline = pipeline(works[0], works[1], works[2])
    for event: Pipeline<Work>.Event in [.success, .end, .failure(Self.error), .end, .skipped, .end] {
      #expect(segment(pipeline.receive(event)) == nil)
    }
    let segment = segment(pipeline.receive(.synced))
    #expect(segment?.works.count == 3)
    #expect(segment?.failure?.work === works[1])
  }

  @Test("an error at the sync is the commit's, and the sync still follows")
  func commitFailure() {
    var pipeline = pipeline(Work())
    for event: Pipeline<Work>.Event in [.success, .end, .failure(Self.error), .end] {
      #expect(segment(pipeline.receive(event)) == nil)
    }
    let segment = segment(pipeline.receive(.synced))
    #expect(segment?.failure != nil && segment?.failure?.work == nil)
  }

  @Test("a failed segment does not affect the next")
  func nextSegmentIsClean() {
    var pipeline = pipeline(Work())
    pipeline.sent(.step(Work()))
    pipeline.sent(.sync)
    _ = pipeline.receive(.failure(Self.error))
    _ = pipeline.receive(.end)
    #expect(segment(pipeline.receive(.synced))?.failure != nil)
    _ = pipeline.receive(.success)
    _ = pipeline.receive(.end)
    #expect(segment(pipeline.receive(.synced))?.failure == nil)
  }

  @Test("a broken link returns every unfinished work once, in order")
  func brokenLink() {
    let works = [Work(), Work(), Work()]
    var pipeline = Pipeline<Work>()
    for work in [works[0], works[0], works[1]] { pipeline.sent(.step(work)) }
    pipeline.sent(.sync)
    pipeline.sent(.step(works[2]))
    _ = pipeline.receive(.success)
    let broken = pipeline.breakLink()
    #expect(broken.map { ObjectIdentifier($0.work) } == works.map(ObjectIdentifier.init))
    // The first work's first step was answered.
    #expect(broken.map(\.unansweredSteps) == [1, 1, 1])
    #expect(pipeline.isEmpty)
  }

  @Test("answers to nothing that was sent are violations")
  func violations() {
    var empty = Pipeline<Work>()
    #expect(isViolation(empty.receive(.synced)))
    var early = pipeline(Work())
    #expect(isViolation(early.receive(.synced)))
    var twice = pipeline(Work())
    _ = twice.receive(.success)
    #expect(isViolation(twice.receive(.success)))
    var copy = pipeline(Work())
    #expect(isViolation(copy.receive(.unsupported)))
    var prepare = Pipeline<Work>()
    prepare.sent(.prepare(Self.statement))
    #expect(isViolation(prepare.receive(.skipped)))
  }
}
