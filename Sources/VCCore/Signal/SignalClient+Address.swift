/// What concerns this machine's own address.
extension SignalClient {
    /// Whether the server is reached over TCP, because no UDP passes.
    public var isOverTCP: Bool { route.map { routes.isTCP($0) } ?? false }

    /// Our address may have changed: the server is asked at once how it sees us now.
    public mutating func noteAddressChange(now: Instant) {
        guard phase == .holding || phase == .open, let route else { return }
        helloDue |= 1 << UInt32(route)
        if phase == .holding { controlDue = true }
    }
}
