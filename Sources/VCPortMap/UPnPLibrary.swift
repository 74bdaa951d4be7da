internal import CMiniUPnPc

/// The functions of libminiupnpc.
@safe struct UPnPLibrary {
    let discover: vc_upnp_discover
    let freeDevices: vc_upnp_free_devices
    let validGateway: vc_upnp_get_valid_igd
    let freeAddresses: vc_upnp_free_urls
    let externalAddress: vc_upnp_external_address
    let add: vc_upnp_add_mapping
    let delete: vc_upnp_delete_mapping

    init() throws(PortMapError) {
        // The number is that of the headers: another version has other structures.
        let library = try DynamicLibrary("libminiupnpc.so.\(MINIUPNPC_API_VERSION)")
        unsafe discover = try library.function("upnpDiscover")
        unsafe freeDevices = try library.function("freeUPNPDevlist")
        unsafe validGateway = try library.function("UPNP_GetValidIGD")
        unsafe freeAddresses = try library.function("FreeUPNPUrls")
        unsafe externalAddress = try library.function("UPNP_GetExternalIPAddress")
        unsafe add = try library.function("UPNP_AddPortMapping")
        unsafe delete = try library.function("UPNP_DeletePortMapping")
    }
}

/// A router that was found, and how to call it.
@safe final class UPnPGateway {
    /// "255.255.255.255" and its end.
    private static let addressBytes = 16
    /// An IPv6 address and its end (INET6_ADDRSTRLEN).
    private static let localBytes = 46

    private let library: UPnPLibrary
    private let addresses: UnsafeMutablePointer<UPNPUrls>
    private let description: UnsafeMutablePointer<IGDdatas>
    /// This machine's address in the router's network.
    let localAddress: String

    /// Searches for a router: seconds.
    ///
    /// - Parameters:
    ///   - milliseconds: how long answers to one kind of question are waited for.
    ///   - interface: the address of the interface to ask on; nil is the default route's.
    init(
        library: UPnPLibrary, milliseconds: Int32, interface: String?
    ) throws(PortMapError) {
        let addresses = UnsafeMutablePointer<UPNPUrls>.allocate(capacity: 1)
        let description = UnsafeMutablePointer<IGDdatas>.allocate(capacity: 1)
        unsafe addresses.initialize(to: UPNPUrls())
        unsafe description.initialize(to: IGDdatas())
        var local = [CChar](repeating: 0, count: Self.localBytes)
        var problem: CInt = 0
        // Two hops: the default of the UPnP Device Architecture 1.1, section 1.3.2.
        let devices = unsafe library.discover(milliseconds, interface, nil, 0, 0, 2, &problem)
        var kind: CInt = 0
        if unsafe devices != nil {
            kind = unsafe vc_upnp_valid_igd(
                library.validGateway, devices, addresses, description, &local,
                CInt(Self.localBytes))
            unsafe library.freeDevices(devices)
        }
        // 1 is connected; 2 is connected with a private address, or says that it is not.
        guard kind == 1 || kind == 2 else {
            if kind != 0 { unsafe library.freeAddresses(addresses) }
            unsafe addresses.deallocate()
            unsafe description.deallocate()
            throw .noAnswer(.upnp)
        }
        self.library = library
        unsafe self.addresses = addresses
        unsafe self.description = description
        localAddress = Self.text(local)
    }

    deinit {
        unsafe library.freeAddresses(addresses)
        unsafe addresses.deallocate()
        unsafe description.deallocate()
    }

    /// The router's address on its other side, as it writes it.
    func externalAddress() throws(PortMapError) -> String {
        var text = [CChar](repeating: 0, count: Self.addressBytes)
        let code = unsafe library.externalAddress(controlAddress, serviceType, &text)
        guard code == UPNPCOMMAND_SUCCESS else { throw .refused(.upnp, code: code) }
        return Self.text(text)
    }

    /// Returns 0 or the router's code.
    func add(external: UInt16, port: UInt16, seconds: UInt32) -> Int32 {
        unsafe library.add(
            controlAddress, serviceType, String(external), String(port), localAddress, "vc",
            "UDP", nil, String(seconds))
    }

    func delete(external: UInt16) {
        _ = unsafe library.delete(controlAddress, serviceType, String(external), "UDP", nil)
    }

    /// A C string in an array, which may lack its end.
    private static func text(_ characters: [CChar]) -> String {
        String(
            decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private var controlAddress: UnsafePointer<CChar>? {
        unsafe UnsafePointer(addresses.pointee.controlURL)
    }

    private var serviceType: UnsafePointer<CChar> {
        // A C array, which Swift sees as a tuple.
        unsafe UnsafeRawPointer(description)
            .advanced(by: MemoryLayout<IGDdatas>.offset(of: \.first.servicetype) ?? 0)
            .assumingMemoryBound(to: CChar.self)
    }
}
