import Glibc
import Testing

/// The LADSPA plugins of the tests (`Tests/PluginFixture`): one that takes its time, and one whose
/// sound is no numbers.
enum FixturePlugin {
    /// SwiftPM builds it beside the test executable.
    static func path() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        try #require(length > 0)
        let path = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let directory = path.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(directory)/libvc_plugin_fixture.so"
    }
}
