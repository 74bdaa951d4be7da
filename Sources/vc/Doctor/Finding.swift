internal import VCAudio
internal import VCCore
internal import VCPortMap

/// What a check found, as it was measured; the lines are made from it alone.
enum Finding {
    enum Family: String {
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"
    }

    /// How a device is.
    enum Device: Equatable {
        /// Nil where nothing is recorded.
        case works(SoundCheck.Background?)
        /// A file, a tone or silence: chosen on the command line, and fine.
        case standIn
        case fails(String)
    }

    /// How a server answered by one family of addresses and one transport.
    struct ServerWay: Equatable {
        let family: Family
        let transport: Transport
        let roundTrip: Duration?
    }

    /// What the router does with the port of our socket.
    enum Mapping: Equatable {
        /// The server sees an address of this machine itself.
        case none
        /// One port for everybody: others can be told of it.
        case same(Endpoint)
        /// Another port for each destination (a symmetric NAT).
        case different(Endpoint)
        /// Only one of the server's two ports answered.
        case unknown
    }

    /// A relay by its addresses: the best round trip by each transport.
    struct Relay: Equatable {
        let name: String
        let udp: Duration?
        let tcp: Duration?
        let binding: RelayProbe.Binding
        let isDraining: Bool
    }

    /// Whether rooms of the local network can be found.
    enum Discovery: Equatable {
        /// On these interfaces a question is heard; empty: on this machine only.
        case heard([String])
        case silent
        case unavailable(String)
    }

    case microphone(name: String, Device)
    case loudspeaker(name: String, Device)
    /// Nil: the devices stand in for a microphone and a loudspeaker.
    case echo(SoundCheck.Echo?)
    case echoFailed(String)
    /// Why the sound of the microphone cannot be processed; nil: it can.
    case processing(ProcessingError?)
    /// The addresses by which this machine reaches the internet. Without any, a call is possible
    /// only in a local network, if there is one, or with a server on this machine.
    case addresses(ipv4: Endpoint?, ipv6: Endpoint?, isLocal: Bool, hasServer: Bool)
    case noServer
    case noSuchServer(String)
    case server(name: String, [ServerWay])
    case mapping(Mapping)
    /// - observed: where a server sees us, if one does.
    case portMapping([PortMapProbe.Finding], Mapping?, observed: Endpoint?)
    case room(RoomProbe.Room, hasTicket: Bool)
    /// Nil: the server did not say which relays there are.
    case relays([Relay]?, passesUDP: Bool)
    case discovery(Discovery)
    /// The firewall program of this machine, and whether this machine is to be reached from outside
    /// because it runs the signaling server itself.
    case firewall(program: String?, isServer: Bool)
}
