internal import CLADSPA
internal import Glibc

/// A library of LADSPA plugins, and what stands in it. It stays loaded until the process ends.
@safe
struct PluginFile {
    typealias Descriptor = UnsafePointer<vc_ladspa_descriptor>
    private typealias Entry = @convention(c) (UInt) -> Descriptor?

    /// Where plugins lie where $LADSPA_PATH says nothing.
    private static let usualFolders = [
        "/usr/local/lib/ladspa", "/usr/lib/ladspa", "/usr/lib64/ladspa",
    ]
    /// More than any file has: one that never ends its list is broken.
    private static let pluginLimit: UInt = 1_024

    let path: String
    private let entry: Entry

    /// - Parameter name: a path when there is a slash in it, else the name of a file in one of the
    ///   folders.
    init(_ name: String) throws(PluginError) {
        let path = try Self.find(name)
        guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            var reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "no reason given"
            if reason.hasPrefix(path + ": ") { reason.removeFirst(path.count + 2) }
            throw .unreadable(file: path, reason: reason)
        }
        guard let address = unsafe dlsym(library, VC_LADSPA_ENTRY) else {
            throw .notAPlugin(file: path)
        }
        self.path = path
        unsafe entry = unsafeBitCast(address, to: Entry.self)
    }

    /// The plugin with `label`.
    func descriptor(_ label: String) throws(PluginError) -> Descriptor {
        var known: [String] = []
        for index in 0..<Self.pluginLimit {
            guard let descriptor = unsafe entry(index) else { break }
            guard let text = unsafe descriptor.pointee.label else { continue }
            let name = unsafe String(cString: text)
            if name == label { return unsafe descriptor }
            known.append(name)
        }
        guard !known.isEmpty else { throw .notAPlugin(file: path) }
        throw .noSuchLabel(label, file: path, known: known)
    }

    private static func find(_ name: String) throws(PluginError) -> String {
        guard !name.contains("/") else { return name }
        let file = name.hasSuffix(".so") ? name : name + ".so"
        var folders = usualFolders
        if let given = unsafe getenv("LADSPA_PATH") {
            folders = unsafe String(cString: given).split(separator: ":").map(String.init)
        }
        for folder in folders where unsafe access(folder + "/" + file, R_OK) == 0 {
            return folder + "/" + file
        }
        throw .unreadable(
            file: file, reason: "it is not in " + folders.joined(separator: ", nor in "))
    }
}
