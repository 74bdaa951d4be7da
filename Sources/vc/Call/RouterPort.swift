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
    /// Whether the router says that it maps our port; set on the mapper's thread.
    private let isMapped = Flag()
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
        let (link, isMapped) = (link, isMapped)
        // Without a thread for it the call goes on without a mapping.
        mapper = try? PortMapper(port: port) { mapping in
            isMapped.value.store(mapping != nil, ordering: .relaxed)
            link.submit(.mapped(mapping?.external))
        }
    }

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
        guard !isReached, isMapped.value.load(ordering: .relaxed) else {
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

/// A truth that two threads know.
private final class Flag: Sendable {
    let value = Atomic(false)
}
