/// Which interfaces lead to containers and virtual machines on this machine. Tunnels (tun, wg) lead
/// to other people and are none of them.
enum VirtualInterface {
    /// Names that the usual programs give: Docker, libvirt, LXC, Incus, Podman, Kubernetes with its
    /// networks, VMware, VirtualBox.
    private static let prefixes = [
        "docker", "br-", "virbr", "veth", "lxc", "lxdbr", "incusbr", "podman", "cni", "flannel",
        "kube",
        "cali", "cilium", "vmnet", "vboxnet",
    ]

    /// Whether this interface is one, by its name, or because it is a bridge without any real
    /// network card behind it.
    ///
    /// - Parameter directory: where the kernel lists interfaces. In a network namespace whose /sys
    ///   is that of another one, only the name counts.
    static func isVirtual(_ name: String, directory: String = "/sys/class/net") -> Bool {
        if prefixes.contains(where: { name.hasPrefix($0) }) { return true }
        // Names come from the kernel, which allows no slash in them.
        let folder = "\(directory)/\(name)"
        guard SystemFile.exists("\(folder)/bridge") else { return false }
        return !SystemFile.names(in: "\(folder)/brif").contains { port in
            SystemFile.exists("\(directory)/\(port)/device")
        }
    }
}
