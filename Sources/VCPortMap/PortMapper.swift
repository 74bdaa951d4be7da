internal import CVCLinux
internal import VCCore
public import VCNet

/// Keeps a UDP port of this machine mapped on the router: by NAT-PMP, else by UPnP. Works on a
/// thread of its own, because the libraries block, and loads them there when they are needed.
public final class PortMapper: Sendable {
    /// How the router is asked, and how often.
    struct Configuration: Sendable {
        /// Of what is asked for: two hours, after which the router forgets a process that died.
        var lifetimeSeconds: UInt32 = 7_200
        /// Nobody renews more often than this, whatever the router grants.
        var shortestRenewal = Duration.seconds(30)
        /// Routers forget mappings without an end when they restart.
        var longestRenewal = Duration.seconds(3_600)
        /// After nobody answered, or the router refused. It may be that somebody allows it.
        var retry = Duration.seconds(600)
        var gateway: UInt32?
        var interface: String?
        var searchMilliseconds = UPnPClient.searchMilliseconds
    }

    /// The process does not wait longer for the router when it leaves.
    private static let stopMilliseconds: CInt = 1_000

    private let worker: PortMapWorker

    /// Starts. Throws where the system has no thread or descriptor left.
    ///
    /// - Parameters:
    ///   - port: of the UDP socket.
    ///   - onChange: called on the mapper's thread when there is a mapping, another one, or none
    ///     any more.
    public convenience init(
        port: UInt16, onChange: @escaping @Sendable (PortMapping?) -> Void
    ) throws(SystemError) {
        try self.init(port: port, configuration: Configuration(), onChange: onChange)
    }

    init(
        port: UInt16, configuration: Configuration,
        onChange: @escaping @Sendable (PortMapping?) -> Void
    ) throws(SystemError) {
        worker = try PortMapWorker(port: port, configuration: configuration, onChange: onChange)
        try worker.start()
    }

    /// No probe has arrived through the mapping: it is deleted and made anew, each time only after
    /// twice as long, because others may use it.
    public func mappingFailed() {
        worker.submit(.remap)
    }

    /// This machine's addresses or routes have changed: there may be another router.
    public func networkChanged() {
        worker.submit(.search)
    }

    /// Deletes the mapping and ends the thread. Waits for that, a second at most; `onChange` is not
    /// called any more after it was.
    public func stop() {
        worker.submit(.stop)
        _ = vc_poll_readable(worker.ended.descriptorNumber, Self.stopMilliseconds)
    }

    deinit {
        worker.submit(.stop)
    }
}
