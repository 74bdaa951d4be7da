import Glibc
import Synchronization
import VCCore

/// A UPnP Internet Gateway Device on this machine, on the loopback interface unless a test says
/// otherwise: it answers searches on UDP 1900 and actions by HTTP.
final class UPnPRouter: Sendable {
    struct Behaviour: Sendable {
        var externalAddress = "203.0.113.9"
        /// External ports that another machine has.
        var takenPorts: Set<UInt16> = []
        var knowsOnlyPermanent = false
    }

    struct Action: Equatable, Sendable {
        let name: String
        let fields: [String: String]
    }

    private static let httpPort: UInt16 = 49_152
    private static let service = "urn:schemas-upnp-org:service:WANIPConnection:1"

    private let search: LoopbackSocket
    private let control: LoopbackSocket
    private let behaviour: Mutex<Behaviour>
    private let log = Mutex<[Action]>([])
    private let visits = Mutex(0)

    /// - Parameter address: of the interface that it is found on, in host order.
    init?(_ behaviour: Behaviour = Behaviour(), address: UInt32 = 0x7F00_0001) {
        guard
            let search = LoopbackSocket(stream: false, address: 0, port: 1_900),
            let control = LoopbackSocket(stream: true, address: address, port: Self.httpPort)
        else { return nil }
        var group = ip_mreq()
        group.imr_multiaddr.s_addr = UInt32(0xEFFF_FFFA).bigEndian
        group.imr_interface.s_addr = address.bigEndian
        let joined = setsockopt(
            search.descriptor, CInt(IPPROTO_IP), IP_ADD_MEMBERSHIP, &group,
            socklen_t(MemoryLayout<ip_mreq>.size))
        guard joined == 0 else { return nil }
        self.search = search
        self.control = control
        self.behaviour = Mutex(behaviour)
        let location = Endpoint(ipv4: address, port: Self.httpPort).description
        search.serveDatagrams { Self.found($0, at: location) }
        control.serveHTTP { [weak self] in self?.answer($0) ?? "" }
    }

    deinit {
        search.close()
        control.close()
    }

    /// The actions that were called, without those that change nothing.
    var actions: [Action] { log.withLock { $0.filter { !$0.name.hasPrefix("Get") } } }

    /// The outer ports that the actions name.
    var ports: [String?] { actions.map { $0.fields["NewExternalPort"] } }

    /// How often somebody has found it, and read what it is.
    var findings: Int { visits.withLock { $0 } }

    private static func found(_ request: [UInt8], at location: String) -> [UInt8]? {
        let text = String(decoding: request, as: UTF8.self)
        let kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
        guard text.hasPrefix("M-SEARCH"), text.contains(kind) else { return nil }
        return Array(
            """
            HTTP/1.1 200 OK\r
            CACHE-CONTROL: max-age=120\r
            ST: \(kind)\r
            USN: uuid:00000000-0000-0000-0000-000000000001::\(kind)\r
            EXT:\r
            SERVER: test UPnP/1.0 test/1.0\r
            LOCATION: http://\(location)/root.xml\r
            \r\n
            """.utf8)
    }

    private func answer(_ request: String) -> String {
        if request.hasPrefix("GET ") {
            visits.withLock { $0 += 1 }
            return Self.http(200, Self.description)
        }
        guard let mark = request.firstRange(of: "\(Self.service)#") else {
            return Self.http(404, "")
        }
        let name = String(request[mark.upperBound...].prefix { $0.isLetter })
        let names = [
            "NewExternalPort", "NewProtocol", "NewInternalPort", "NewInternalClient",
            "NewLeaseDuration",
        ]
        var fields: [String: String] = [:]
        for name in names {
            guard let start = request.firstRange(of: "<\(name)>"),
                let end = request.firstRange(of: "</\(name)>")
            else { continue }
            fields[name] = String(request[start.upperBound..<end.lowerBound])
        }
        log.withLock { $0.append(Action(name: name, fields: fields)) }
        return reply(to: name, fields)
    }

    private func reply(to name: String, _ fields: [String: String]) -> String {
        let behaviour = behaviour.withLock { $0 }
        switch name {
        case "GetStatusInfo":
            return Self.success(
                name,
                "<NewConnectionStatus>Connected</NewConnectionStatus>"
                    + "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError>"
                    + "<NewUptime>9</NewUptime>")
        case "GetExternalIPAddress":
            let address = behaviour.externalAddress
            return Self.success(name, "<NewExternalIPAddress>\(address)</NewExternalIPAddress>")
        case "AddPortMapping":
            let port = UInt16(fields["NewExternalPort"] ?? "") ?? 0
            if behaviour.takenPorts.contains(port) { return Self.failure(718) }
            if behaviour.knowsOnlyPermanent, fields["NewLeaseDuration"] != "0" {
                return Self.failure(725)
            }
            return Self.success(name, "")
        default:
            return Self.success(name, "")
        }
    }

    private static func success(_ name: String, _ fields: String) -> String {
        envelope(200, "<u:\(name)Response xmlns:u=\"\(service)\">\(fields)</u:\(name)Response>")
    }

    private static func failure(_ code: Int) -> String {
        envelope(
            500,
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
                + "<detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">"
                + "<errorCode>\(code)</errorCode></UPnPError></detail></s:Fault>")
    }

    private static func envelope(_ status: Int, _ body: String) -> String {
        http(
            status,
            "<?xml version=\"1.0\"?><s:Envelope "
                + "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                + "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">"
                + "<s:Body>\(body)</s:Body></s:Envelope>")
    }

    private static func http(_ status: Int, _ body: String) -> String {
        "HTTP/1.1 \(status) X\r\nContent-Type: text/xml\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static let description = """
        <?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">
        <specVersion><major>1</major><minor>0</minor></specVersion>
        <device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
        <deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
        <serviceList><service>
        <serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
        <controlURL>/common</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/c.xml</SCPDURL>
        </service></serviceList>
        <deviceList><device>
        <deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
        <serviceList><service><serviceType>\(service)</serviceType>
        <controlURL>/control</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s.xml</SCPDURL>
        </service></serviceList></device></deviceList></device></deviceList></device></root>
        """
}
