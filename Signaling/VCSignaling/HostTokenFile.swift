public import VCCore
internal import VCNet

/// The file with the secret of those who may open rooms.
public enum HostTokenFile {
    /// Why there is no token in it, for people.
    public struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// A token, and what the operator should know of its file.
    public struct Reading: Sendable {
        public let token: HostToken
        public let isReadableByOthers: Bool
    }

    /// Reads the first line of the file.
    public static func read(
        _ path: String, in arena: SecretArena
    ) throws(Problem) -> Reading {
        do throws(SecretFileError) {
            let line = try SecretFile.firstLine(
                of: path, limit: HostToken.sizes.upperBound, in: arena)
            if let token = HostToken(line.bytes.span, in: arena) {
                return Reading(token: token, isReadableByOthers: line.isReadableByOthers)
            }
        } catch {
            throw Problem(description: "\(error)")
        }
        let sizes = HostToken.sizes
        throw Problem(
            description: "\(path): a host token has \(sizes.lowerBound) to \(sizes.upperBound) "
                + "bytes in the first line, such as those of `openssl rand -base64 24`")
    }
}
