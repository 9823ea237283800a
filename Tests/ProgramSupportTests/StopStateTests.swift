import ProgramSupport
import Testing

@Suite("What a server does at a signal to stop") struct StopStateTests {
  @Test("the first signal stops the service; one within a second is the same, a later one ends the process")
  func signals() {
    var state = StopState()
    state.beginServing()
    #expect(!state.wasReceived)
    #expect(state.receive(at: 5) == .stop)
    #expect(state.wasReceived && !state.isStartOverdue)
    #expect(state.receive(at: 5 + StopState.sameSignalNanoseconds) == .ignore)
    #expect(state.receive(at: 6 + StopState.sameSignalNanoseconds) == .endProcess)
  }

  @Test("a signal during the start gives it a limited time")
  func start() {
    var state = StopState()
    #expect(state.receive(at: 5) == .stopStart)
    #expect(state.isStartOverdue)
    state.beginServing()
    #expect(!state.isStartOverdue)
  }
}
