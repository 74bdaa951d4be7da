internal import Synchronization
internal import VCCore
internal import VCNet
internal import VCPortMap

/// Our port on the router, where there is one that maps it. A mapping is one more address to try:
/// that it exists does not mean that it works.
final class RouterPort {
    /// A mapping through which nobody came for so long is made anew: there are routers that list
    /// one and forward nothing until it was deleted.
    private static let patience = Duration.seconds(15)

    private let link: RoomLink
    /// The outer address that the router says it maps to our port; set on the mapper's thread.
    private let mapped = MappedAddress()
    /// Since when somebody is there whom no direct path reaches.
    private var missedSince: Instant?
    private var mapper: PortMapper?
    private var port: UInt16

    /// Asks the router, on a thread of its own.
    init(port: UInt16, link: RoomLink) {
        self.link = link
        self.port = port
        begin()
    }

    private func begin() {
        let (link, mapped) = (link, mapped)
        // Without a thread for it the call goes on without a mapping.
        mapper = try? PortMapper(port: port) { mapping in
            mapped.value.withLock { $0 = mapping?.external }
            link.submit(.mapped(mapping?.external))
        }
    }

    /// The outer address that leads to our port, as the router says.
    var external: Endpoint? { mapped.value.withLock { $0 } }

    /// There may be another router, and our port may be another one.
    func networkChanged(port: UInt16) {
        if port == self.port {
            mapper?.networkChanged()
        } else {
            mapper?.stop()
            self.port = port
            begin()
        }
    }

    /// Each tick: whether everybody is reached directly.
    func note(isReached: Bool, now: Instant) {
        guard !isReached, external != nil else {
            missedSince = nil
            return
        }
        let since = missedSince ?? now
        missedSince = since
        guard now >= since + RouterPort.patience else { return }
        missedSince = nil
        mapper?.mappingFailed()
    }

    /// Gives the port back.
    func stop() { mapper?.stop() }
}

/// An address that two threads know.
private final class MappedAddress: Sendable {
    let value = Mutex<Endpoint?>(nil)
}
