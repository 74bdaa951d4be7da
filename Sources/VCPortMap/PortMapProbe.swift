internal import CVCLinux
internal import Glibc
internal import Synchronization
public import VCCore
public import VCNet

/// Whether the router maps ports, found out on a thread of its own without having it do so.
public final class PortMapProbe: Sendable {
    /// What one protocol gave: the router's address on its other side, with port 0.
    public struct Finding: Equatable, Sendable {
        public let method: PortMapping.Method
        public let result: Result<Endpoint, PortMapError>

        public init(method: PortMapping.Method, result: Result<Endpoint, PortMapError>) {
            self.method = method
            self.result = result
        }
    }

    private let findings = Mutex<[Finding]>([])
    private let ended: Wakeup

    /// Starts asking. Throws where the system has no thread or descriptor left.
    public init() throws(SystemError) {
        ended = try Wakeup()
        try SystemThread(named: "vc-portmap") { self.run() }.detach()
    }

    /// What was found, both protocols, after at most `milliseconds`; a protocol that is not done by
    /// then gave no answer.
    public func wait(milliseconds: Int32) -> [Finding] {
        _ = vc_poll_readable(ended.descriptorNumber, milliseconds)
        let found = findings.withLock { $0 }
        return [PortMapping.Method.natPMP, .upnp].map { method in
            found.first { $0.method == method }
                ?? Finding(method: method, result: .failure(.noAnswer(method)))
        }
    }

    private func run() {
        for method in [PortMapping.Method.natPMP, .upnp] {
            let result: Result<Endpoint, PortMapError>
            do throws(PortMapError) {
                result = .success(Endpoint(ipv4: try Self.externalAddress(by: method), port: 0))
            } catch {
                result = .failure(error)
            }
            findings.withLock { $0.append(Finding(method: method, result: result)) }
        }
        ended.signal()
    }

    private static func externalAddress(
        by method: PortMapping.Method
    ) throws(PortMapError) -> UInt32 {
        switch method {
        case .natPMP:
            var client = try NATPMPClient()
            return try client.externalAddress()
        case .upnp:
            var client = try UPnPClient()
            return try client.externalAddress()
        }
    }
}
