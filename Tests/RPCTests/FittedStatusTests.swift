import EventLoop
import GRPCSchema
import HTTP
import HTTP2
import ProtobufCodec
import SplitMix
import TestSchema
import Testing

@testable import RPC

@Suite("Statuses that do not fit")
struct FittedStatusTests {
  private static let info = GoogleRPCErrorInfo(
    reason: "ALREADY_MIGRATED", domain: "streak", metadata: ["key": String(repeating: "m", count: 200)])
  private static let retry = GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: 7))

  private static func violations(_ count: Int) -> GoogleRPCBadRequest {
    GoogleRPCBadRequest(
      fieldViolations: (0..<count).map { .init(field: "field_\($0)", description: "is wrong in some way or other") })
  }

  /// A detail of a type unknown to the runtime, such as a migration's first result.
  private static func other(_ byteCount: Int) -> EchoMessage {
    EchoMessage(payload: .init(repeating: 7, count: byteCount))
  }

  private static func bytes(_ fitted: FittedStatus) -> Int {
    (fitted.message.map { $0.utf8.count + FittedStatus.messageName.utf8.count + 32 } ?? 0)
      + (fitted.details.map { $0.utf8.count + FittedStatus.detailsName.utf8.count + 32 } ?? 0)
  }

  private static func details(_ fitted: FittedStatus) throws -> RPCStatus {
    let decoded = try GoogleRPCStatus(protobufBytes: try #require(Base64.decode(fitted.details ?? "")))
    return RPCStatus(.aborted, decoded.message, details: decoded.details)
  }

  @Test("a status that fits to the last byte is whole, and one byte less leaves out the least important detail")
  func border() throws {
    let status = RPCStatus(.aborted, "No.").with(Self.other(100)).with(Self.info).with(Self.retry)
    let whole = try #require(FittedStatus(status, bytesMax: 100_000))
    #expect(!whole.isReduced)
    let exact = try #require(FittedStatus(status, bytesMax: Self.bytes(whole)))
    #expect(!exact.isReduced && exact.details == whole.details)
    let less = try #require(FittedStatus(status, bytesMax: Self.bytes(whole) - 1))
    #expect(less.isReduced)
    #expect(try Self.details(less).details == Array(status.details.dropFirst()))
  }

  @Test("the reason is kept longest, then the delay, then its metadata, then the violations, as many as fit")
  func order() throws {
    let status = RPCStatus(.aborted, String(repeating: "message ", count: 500))
      .with(Self.violations(1_000)).with(Self.other(50_000)).with(Self.retry).with(Self.info)
    let large = try #require(FittedStatus(status, bytesMax: StatusTrailers.listBytesMax))
    let kept = try Self.details(large)
    #expect(kept.detail(GoogleRPCErrorInfo.self) == Self.info)
    #expect(kept.detail(GoogleRPCRetryInfo.self) == Self.retry)
    #expect((50..<1_000).contains(kept.detail(GoogleRPCBadRequest.self)?.fieldViolations.count ?? 0))
    #expect(kept.detail(EchoMessage.self) == nil)
    // In the order in which they were added.
    #expect(kept.details.map(\.typeUrl) == [0, 2, 3].map { status.details[$0].typeUrl })

    let small = try Self.details(try #require(FittedStatus(status, bytesMax: 600)))
    #expect(small.detail(GoogleRPCErrorInfo.self)?.reason == Self.info.reason)
    #expect(small.detail(GoogleRPCRetryInfo.self) == Self.retry)
    #expect(small.message.utf8.count == FittedStatus.shortMessageBytesMax)

    let least = try Self.details(try #require(FittedStatus(status, bytesMax: 190)))
    #expect(least.detail(GoogleRPCErrorInfo.self)?.reason == Self.info.reason)
    #expect(least.details.count == 1 && least.message.isEmpty)
    #expect(FittedStatus(status, bytesMax: 60) == nil)
  }

  @Test("any status fits into any limit, and keeps its reason", arguments: UInt64(0)..<64)
  func anything(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    for _ in 0..<20 {
      var status = RPCStatus(
        .aborted,
        String(repeating: Bool.random(using: &generator) ? "ä" : "a", count: .random(in: 0...2_000, using: &generator)))
      for kind in [0, 1, 2, 3].shuffled(using: &generator) where Bool.random(using: &generator) {
        switch kind {
        case 0: status = status.with(Self.info)
        case 1: status = status.with(Self.retry)
        case 2: status = status.with(Self.violations(.random(in: 0...300, using: &generator)))
        default: status = status.with(Self.other(.random(in: 0...10_000, using: &generator)))
        }
      }
      let bytesMax = Int.random(in: 190...9_000, using: &generator)
      let fitted = try #require(FittedStatus(status, bytesMax: bytesMax), "seed \(seed)")
      #expect(Self.bytes(fitted) <= bytesMax, "seed \(seed)")
      guard status.detail(GoogleRPCErrorInfo.self) != nil else { continue }
      #expect(try Self.details(fitted).detail(GoogleRPCErrorInfo.self)?.reason == Self.info.reason, "seed \(seed)")
    }
  }

  @Test("a message is cut between characters")
  func cut() {
    #expect(FittedStatus.prefix("aä", 1) == "a")
    #expect(FittedStatus.prefix("aä", 2) == "a")
    #expect(FittedStatus.prefix("aä", 3) == "aä")
    #expect(FittedStatus.prefix("ä", 1) == "")
  }

  @Test(
    "a peer's limit for header lists applies to statuses, and no more than ours",
    arguments: [320, 900, 100_000])
  func peerLimit(listBytesMax: Int) async throws {
    let status = RPCStatus(.aborted, String(repeating: "m", count: 2_000)).with(Self.violations(500)).with(Self.info)
    let refusing = ServerMethod.unary(EchoMethods.unary) {
      (_: EchoMessage, context) throws(RPCStatus) -> EchoMessage in
      context.addTrailingMetadata("replayed", "true")
      throw status
    }
    try await Fixture.with(methods: [refusing]) { fixture in
      var limits = HTTPLimits()
      limits.headerListBytesMax = listBytesMax
      let response = try await RawCall.make(
        to: fixture.server.address, loop: fixture.thread.loop, path: EchoMethods.unary.path, metadata: [],
        body: [0, 0, 0, 0, 0], limits: limits)
      #expect(response.status == "10")
      #expect(response.headerListBytes <= min(listBytesMax, StatusTrailers.listBytesMax))
      let details = try #require(Base64.decode(response.headers["grpc-status-details-bin"] ?? ""))
      let decoded = RPCStatus(.aborted, "", details: try GoogleRPCStatus(protobufBytes: details).details)
      #expect(decoded.detail(GoogleRPCErrorInfo.self)?.reason == Self.info.reason)
      #expect(response.headers["replayed"] == (listBytesMax > 320 ? "true" : nil))
      #expect(await fixture.server.metrics().reducedStatuses == 1)
    }
  }
}
