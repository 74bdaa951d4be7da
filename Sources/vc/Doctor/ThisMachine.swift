internal import VCNet

/// What this machine itself tells about its network.
enum ThisMachine {
    /// More of a configuration file is not read.
    private static let largestFile = 65_536

    /// The firewall program that guards this machine, if one of the usual ones does. Its rules can
    /// only be read as root.
    static func firewall(root: String = "") -> String? {
        let text = SystemFile.text(of: "\(root)/etc/ufw/ufw.conf", limit: largestFile) ?? ""
        if text.split(separator: "\n").contains("ENABLED=yes") { return "ufw" }
        return SystemFile.exists("\(root)/run/firewalld.pid") ? "firewalld" : nil
    }

    /// The addresses by which this machine reaches the internet.
    static func addresses(hasServer: Bool) -> Finding {
        // Where the kernel does not say, there is none.
        .addresses(
            ipv4: DefaultRoute.ipv4, ipv6: DefaultRoute.ipv6,
            isLocal: (try? Interfaces.addresses())?.isEmpty == false, hasServer: hasServer)
    }
}
