internal import RPC
internal import Schema

/// Every method that journeys call.
final class LoadMethods {
  let check, getStreak, recordCompletion, sync, watch, startSession, signUp, signIn, listStreaks, export: LoadMethod
  let all: [LoadMethod]

  init(_ server: LoadServer) {
    var all: [LoadMethod] = []
    func method(_ descriptor: MethodDescriptor) -> LoadMethod {
      let made = LoadMethod(
        descriptor, index: all.count, server.rpcProtocol, authority: server.authority, scheme: server.scheme,
        timeoutMilliseconds: server.callMilliseconds)
      all.append(made)
      return made
    }
    check = method(GRPCHealthV1HealthMethods.check)
    getStreak = method(StreakServiceMethods.getStreak)
    recordCompletion = method(StreakServiceMethods.recordCompletion)
    sync = method(SyncServiceMethods.sync)
    watch = method(SyncServiceMethods.watch)
    startSession = method(SessionServiceMethods.startSession)
    signUp = method(AccountServiceMethods.signUp)
    signIn = method(AccountServiceMethods.signIn)
    listStreaks = method(StreakServiceMethods.listStreaks)
    export = method(ExportServiceMethods.export)
    self.all = all
  }
}
