internal import CNATPMP
internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// The functions of libnatpmp.
@safe struct NATPMPLibrary {
    typealias Initialise = @convention(c) (UnsafeMutablePointer<natpmp_t>, CInt, in_addr_t) -> CInt
    typealias Call = @convention(c) (UnsafeMutablePointer<natpmp_t>) -> CInt
    typealias Map =
        @convention(c) (UnsafeMutablePointer<natpmp_t>, CInt, UInt16, UInt16, UInt32) -> CInt
    typealias TimeOut =
        @convention(c) (UnsafeMutablePointer<natpmp_t>, UnsafeMutablePointer<timeval>) -> CInt
    typealias Read =
        @convention(c) (UnsafeMutablePointer<natpmp_t>, UnsafeMutablePointer<natpmpresp_t>) -> CInt

    let initialise: Initialise
    let close: Call
    let requestAddress: Call
    let requestMapping: Map
    let timeOut: TimeOut
    let read: Read

    init() throws(PortMapError) {
        let library = try DynamicLibrary("libnatpmp.so.1")
        unsafe initialise = try library.function("initnatpmp")
        unsafe close = try library.function("closenatpmp")
        unsafe requestAddress = try library.function("sendpublicaddressrequest")
        unsafe requestMapping = try library.function("sendnewportmappingrequest")
        unsafe timeOut = try library.function("getnatpmprequesttimeout")
        unsafe read = try library.function("readnatpmpresponseorretry")
    }
}

/// Port mapping by NAT-PMP (RFC 6886), through libnatpmp.
struct NATPMPClient: PortMapClient {
    /// A router in the same network answers within some milliseconds: after a quarter of a second
    /// there is none that speaks this.
    private static let firstPatience = Duration.milliseconds(250)
    /// Once it has answered, it is only busy: the second question is asked again meanwhile (RFC
    /// 6886 section 3.1: after 250 ms, 500 ms, …).
    private static let patience = Duration.milliseconds(1_750)

    private let library: NATPMPLibrary
    private let gateway: in_addr_t?
    private var hasAnswered = false

    /// - Parameter gateway: the router, as a value in host order; nil is the default route's.
    init(gateway: UInt32? = nil) throws(PortMapError) {
        library = try NATPMPLibrary()
        self.gateway = gateway?.bigEndian
    }

    /// The router's address on its other side.
    mutating func externalAddress() throws(PortMapError) -> UInt32 {
        let library = library
        let wait = hasAnswered ? Self.patience : Self.firstPatience
        let response = unsafe try exchange(NATPMP_RESPTYPE_PUBLICADDRESS, wait) {
            unsafe library.requestAddress($0)
        }
        hasAnswered = true
        let address = unsafe UInt32(bigEndian: response.pnu.publicaddress.addr.s_addr)
        guard address != 0 else { throw .noExternalAddress(.natPMP) }
        return address
    }

    mutating func map(port: UInt16, seconds: UInt32) throws(PortMapError) -> PortMapping {
        let address = try externalAddress()
        let mapped = try request(port: port, seconds: seconds)
        return PortMapping(
            external: Endpoint(ipv4: address, port: mapped.port), method: .natPMP,
            lifetime: .seconds(Int64(mapped.seconds)))
    }

    mutating func unmap(port: UInt16) {
        _ = try? request(port: port, seconds: 0)
    }

    private func request(
        port: UInt16, seconds: UInt32
    ) throws(PortMapError) -> (port: UInt16, seconds: UInt32) {
        let library = library
        let response = unsafe try exchange(NATPMP_RESPTYPE_UDPPORTMAPPING, Self.patience) {
            // The external port is a wish, and has to be 0 for a deletion (section 3.4).
            unsafe library.requestMapping(
                $0, NATPMP_PROTOCOL_UDP, port, seconds == 0 ? 0 : port, seconds)
        }
        let mapped = unsafe response.pnu.newportmapping
        return (mapped.mappedpublicport, mapped.lifetime)
    }

    /// Asks, and waits for the answer, asking again as the RFC says.
    private func exchange(
        _ type: CInt, _ patience: Duration, ask: (UnsafeMutablePointer<natpmp_t>) -> CInt
    ) throws(PortMapError) -> natpmpresp_t {
        var state = natpmp_t()
        // Also where it fails: then its socket is open all the same.
        defer { _ = unsafe library.close(&state) }
        guard unsafe library.initialise(&state, gateway == nil ? 0 : 1, gateway ?? 0) == 0 else {
            // No default route, or no socket.
            throw .noAnswer(.natPMP)
        }
        guard unsafe ask(&state) >= 0 else { throw .noAnswer(.natPMP) }
        let deadline = MonotonicClock.now + patience
        while true {
            let left = deadline - MonotonicClock.now
            guard left > .zero else { throw .noAnswer(.natPMP) }
            var retry = timeval()
            _ = unsafe library.timeOut(&state, &retry)
            let wait = min(
                left.inMilliseconds, Double(retry.tv_sec) * 1_000 + Double(retry.tv_usec) / 1_000)
            _ = vc_poll_readable(state.s, CInt(max(1, wait.rounded(.up))))
            var response = natpmpresp_t()
            let code = unsafe library.read(&state, &response)
            if code == NATPMP_TRYAGAIN || code == NATPMP_ERR_WRONGPACKETSOURCE { continue }
            if code <= NATPMP_ERR_UNSUPPORTEDVERSION { throw .refused(.natPMP, code: code) }
            guard code == 0 else { throw .noAnswer(.natPMP) }
            if CInt(response.type) == type { return response }
        }
    }
}
