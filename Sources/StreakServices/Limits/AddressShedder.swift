internal import EventLoop
internal import RPC

/// Limits what each address may ask for in a second, calls and resources together. One per loop.
struct AddressShedder: Sendable {
  private let addresses: ClientAddresses
  private let meter: LimitMeter
  private let shedder: LoopBound<LoadShedder<String>>

  /// Loop thread only.
  init(addresses: ClientAddresses, settings: RateLimitSettings, meter: LimitMeter, loop: EventLoop) {
    self.addresses = addresses
    self.meter = meter
    shedder = LoopBound(LoadShedder(callsPerSecondMax: settings.callsPerAddressPerSecondMax), loop: loop)
  }

  /// Loop thread only.
  var isActive: Bool { shedder.value.isActive }

  /// Whether one more request is within its address's limit; it is then counted. Loop thread only.
  func admits(_ request: some AddressedRequest, atMilliseconds now: UInt64) -> Bool {
    guard let group = addresses.group(of: request), !shedder.value.admits(group, atMilliseconds: now) else {
      return true
    }
    meter.count(.callsPerAddress)
    return false
  }
}
