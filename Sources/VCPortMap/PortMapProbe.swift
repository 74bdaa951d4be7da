public import VCCore

/// Whether the router maps ports, without having it do so.
public enum PortMapProbe {
    /// The router's address on its other side, asked for by one protocol. Blocks, up to six seconds
    /// where nobody answers to UPnP.
    public static func externalAddress(
        by method: PortMapping.Method
    ) throws(PortMapError) -> Endpoint {
        switch method {
        case .natPMP:
            var client = try NATPMPClient()
            return Endpoint(ipv4: try client.externalAddress(), port: 0)
        case .upnp:
            var client = try UPnPClient()
            return Endpoint(ipv4: try client.externalAddress(), port: 0)
        }
    }
}
