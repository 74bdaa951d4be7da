internal import Glibc
internal import VCCore
internal import VCNet
internal import VCSignaling

/// What vc-signal of the demo signs tickets with, in a folder that is gone with it: the relay has
/// to know the key before vc-signal is told where the relay is.
final class DemoKey {
    private let folder: String
    /// The file for `vc-signal --key`.
    var path: String { "\(folder)/key" }
    /// The one for `vc-relay --signal-key`.
    var publicPath: String { "\(path).pub" }

    init() throws(CallFailure) {
        guard let arena = SecretArena() else {
            throw CallFailure(.unavailable, "there is no memory for secrets")
        }
        folder = try DemoFiles.makeTemporary("vc-demo-key")
        var random = AnyRandomSource(SystemRandom())
        do throws(SigningKeyFileError) {
            _ = try SigningKeyFile.open(path, in: arena, random: &random)
        } catch {
            throw CallFailure(.unavailable, "\(error)")
        }
    }

    deinit {
        unlink(path)
        unlink(publicPath)
        rmdir(folder)
    }
}
