import Glibc
import Testing
import VCCore
import VCTestKit

@testable import VCNet

@Suite struct InterfaceTests {
    private static func address(_ interface: String, _ last: UInt32) -> InterfaceAddress {
        InterfaceAddress(
            interface: interface, endpoint: Endpoint(ipv4: 0xC0A8_0000 | last, port: 0),
            isLoopback: interface == "lo")
    }

    @Test("loopback is left out unless asked for")
    func loopback() throws {
        #expect(try Interfaces.addresses().allSatisfy { !$0.isLoopback })
        let all = try Interfaces.addresses(includingLoopback: true)
        #expect(all.contains { $0.endpoint == Endpoint(ipv4: 0x7F00_0001, port: 0) })
    }

    @Test("names of container bridges are known, those of cards and tunnels are not")
    func names() {
        let virtual = [
            "docker0", "br-12ab", "virbr0", "veth9", "lxcbr0", "lxdbr0", "podman1", "cni0",
            "flannel.1", "kube-ipvs0", "vmnet8",
        ]
        for name in virtual { #expect(VirtualInterface.isVirtual(name), "\(name)") }
        for name in ["br0", "enp3s0", "wlan0", "tun0", "wg0", "eth0", "tailscale0"] {
            #expect(!VirtualInterface.isVirtual(name), "\(name)")
        }
    }

    @Test("a bridge without a real card behind it leads to containers; one with a card does not")
    func bridges() {
        let root = "/tmp/vc-interfaces-\(getpid())"
        let folders = [
            "", "/lan0", "/lan0/bridge", "/lan0/brif", "/lan0/brif/enp1s0", "/enp1s0",
            "/enp1s0/device", "/vms0", "/vms0/bridge", "/vms0/brif", "/vms0/brif/tap0", "/tap0",
        ]
        for folder in folders { mkdir(root + folder, 0o755) }
        defer { for folder in folders.reversed() { rmdir(root + folder) } }
        #expect(!VirtualInterface.isVirtual("lan0", directory: root))
        #expect(VirtualInterface.isVirtual("vms0", directory: root))
        #expect(!VirtualInterface.isVirtual("enp1s0", directory: root))
    }

    @Test("virtual interfaces are left out, unless there is nothing else")
    func nothingElse() {
        let real = Self.address("enp3s0", 7)
        let bridge = Self.address("docker0", 1)
        let loopback = Self.address("lo", 2)
        let isVirtual = { (name: String) in name == "docker0" }
        #expect(
            Interfaces.choose(
                from: [real, bridge, loopback], includingLoopback: false, isVirtual: isVirtual)
                == [real])
        #expect(
            Interfaces.choose(
                from: [bridge, loopback], includingLoopback: false, isVirtual: isVirtual)
                == [bridge])
        #expect(
            Interfaces.choose(
                from: [real, loopback], includingLoopback: true, isVirtual: isVirtual)
                == [real, loopback])
    }

    @Test("IPv6 addresses that are deprecated, tentative or taken are known by their flags")
    func addressStates() {
        let text = """
            00000000000000000000000000000001 01 80 10 80       lo
            20010db8000000000000000000000007 02 40 00 00     eth0
            20010db8000000000000000000000008 02 40 00 20     eth0
            20010db8000000000000000000000009 02 40 00 40     eth0
            20010db800000000000000000000000a 02 40 00 c8     eth0
            broken
            20010db80000000000000000000000zz 02 40 00 20     eth0
            """
        let found = IPv6AddressStates.parse(text).map(\.low).sorted()
        #expect(found == [8, 9, 10])
    }

    @Test(
        "in a namespace: addresses that come and go are told, and bridges are left out",
        .enabled(if: NetworkNamespace.isPermitted, "needs root"))
    func namespace() throws {
        try NetworkNamespace.run {
            let watch = try AddressWatch()
            var poller = try Poller()
            try poller.add(watch.descriptorNumber, token: 1)
            _ = watch.acknowledge()
            var quiet = watch.acknowledge()
            #expect(!quiet)
            /// Whether the watch says something within 2 s, and then no more.
            func told(after command: String) throws -> Bool {
                try NetworkNamespace.ip(command)
                guard try poller.wait(until: MonotonicClock.now + .seconds(2)) == 1 else {
                    return false
                }
                return watch.acknowledge()
            }
            #expect(try told(after: "link add lan0 type veth peer name lan1"))
            #expect(try told(after: "link set lan0 up"))
            try NetworkNamespace.ip("link set lan1 up")
            #expect(try told(after: "addr add 192.0.2.7/24 dev lan0"))
            #expect(try told(after: "route add default via 192.0.2.1"))
            try NetworkNamespace.ip("link add br-9 type bridge")
            try NetworkNamespace.ip("link set br-9 up")
            try NetworkNamespace.ip("addr add 172.17.0.1/16 dev br-9")
            try NetworkNamespace.ip("-6 addr add 2001:db8::7/64 dev lan0 nodad")
            try NetworkNamespace.ip("-6 addr add 2001:db8::8/64 dev lan0 nodad preferred_lft 0")
            let found = try Interfaces.addresses()
            #expect(
                found.map(\.endpoint) == [
                    Endpoint(ipv4: 0xC000_0207, port: 0),
                    Endpoint(high: 0x2001_0DB8_0000_0000, low: 7, port: 0),
                ])
            #expect(try told(after: "addr del 192.0.2.7/24 dev lan0"))
            _ = watch.acknowledge()
            quiet = watch.acknowledge()
            #expect(!quiet)
            try NetworkNamespace.ip("link del lan0")
            #expect(try Interfaces.addresses().map(\.interface) == ["br-9"])
        }
    }
}
