internal import Synchronization
internal import VCCore
internal import VCNet
internal import VCPortMap

/// What has the router map our port, and has it delete the mapping once it is let go.
protocol PortKeeper: AnyObject {
    func mappingFailed()
    func networkChanged()
    func stop()
}

extension PortMapper: PortKeeper {}

/// Our port on the router, where there is one that maps it. A mapping is one more address to try:
/// that it exists does not mean that it works.
final class RouterPort {
    /// Makes what keeps a port mapped, and calls back on a thread of its own; nil without one.
    typealias Making = (
        _ port: UInt16, _ onChange: @escaping @Sendable (PortMapping?) -> Void
    ) -> (any PortKeeper)?

    /// A mapping through which nobody came for so long is made anew: there are routers that list
    /// one and forward nothing until it was deleted.
    private static let patience = Duration.seconds(15)

    private let mapped: MappedAddress
    private let make: Making
    /// Since when somebody is there whom no direct path reaches.
    private var missedSince: Instant?
    private var mapper: (any PortKeeper)?
    private var port: UInt16

    /// Asks the router, on a thread of its own.
    convenience init(port: UInt16, link: RoomLink) {
        self.init(port: port) { port, onChange in
            // Then the call goes on without a mapping.
            try? PortMapper(port: port, onChange: onChange)
        } tell: {
            link.submit(.mapped($0))
        }
    }

    /// - Parameter tell: called with what the router maps to our port, on any thread.
    init(port: UInt16, make: @escaping Making, tell: @escaping @Sendable (Endpoint?) -> Void) {
        self.port = port
        self.make = make
        mapped = MappedAddress(tell)
        begin()
    }

    /// Lets go of the mapper before, if there is one: nobody waits for the router to delete what it
    /// mapped.
    private func begin() {
        let address = mapped
        let turn = address.nextTurn()
        mapper = make(port) { address.note($0?.external, turn: turn) }
    }

    /// The outer address that leads to our port, as the router says.
    var external: Endpoint? { mapped.endpoint }

    /// There may be another router, and our port may be another one.
    func networkChanged(port: UInt16) {
        if port == self.port {
            mapper?.networkChanged()
        } else {
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

/// The outer address that the router says it maps to our port; set on the thread of a mapper. Only
/// the newest one is believed: one that was let go may just be about to say something.
private final class MappedAddress: Sendable {
    private struct State {
        var endpoint: Endpoint?
        var turn = 0
    }

    private let state = Mutex(State())
    /// Called with the lock held, so that what was said last is told last.
    private let tell: @Sendable (Endpoint?) -> Void

    init(_ tell: @escaping @Sendable (Endpoint?) -> Void) {
        self.tell = tell
    }

    var endpoint: Endpoint? { state.withLock { $0.endpoint } }

    /// Another mapper begins, for another port: what was mapped leads nowhere any more.
    func nextTurn() -> Int {
        state.withLock {
            $0.turn += 1
            if $0.endpoint != nil {
                $0.endpoint = nil
                tell(nil)
            }
            return $0.turn
        }
    }

    func note(_ endpoint: Endpoint?, turn: Int) {
        state.withLock {
            guard turn == $0.turn else { return }
            $0.endpoint = endpoint
            tell(endpoint)
        }
    }
}
