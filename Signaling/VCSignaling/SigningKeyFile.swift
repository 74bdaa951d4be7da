internal import Glibc
public import VCCore
internal import VCNet

/// Why the signing key is not to be had, for the operator.
public enum SigningKeyFileError: Error, Equatable, Sendable {
    /// With the system's words.
    case unusable(String)
    /// Others than its owner can read the key.
    case readableByOthers(path: String)
    case noKey(path: String)
}

extension SigningKeyFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unusable(let words): "the signing key cannot be used: \(words)"
        case .readableByOthers(let path):
            "others can read the signing key in \(path); chmod 600 makes it yours alone, but if "
                + "somebody may have seen it, remove it: the next start makes another one"
        case .noKey(let path):
            "\(path) holds no signing key: its first line should be 64 hexadecimal digits"
        }
    }
}

/// The key that signs tickets, in a file that is made on the first start. Beside it stands its
/// public half, which relays take.
public enum SigningKeyFile {
    /// Two hexadecimal digits per byte.
    private static let digits = 2 * SigningKey.seedSize

    /// Whether there is a key, as after the first start.
    public static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Reads the key, or makes one.
    ///
    /// - Parameter path: of the secret half; `path.pub` gets the public one.
    public static func open(
        _ path: String, in arena: SecretArena, random: inout AnyRandomSource
    ) throws(SigningKeyFileError) -> SigningKey {
        switch try line(of: path, in: arena) {
        case .some(let line):
            guard !line.isReadableByOthers else { throw .readableByOthers(path: path) }
            guard let seed = seed(line.bytes, in: arena) else { throw .noKey(path: path) }
            let key = SigningKey(seed: seed, arena: arena)
            // It may have been lost. The server works without it.
            try? writePublic(key, beside: path)
            return key
        case .none:
            return try make(path, in: arena, random: &random)
        }
    }

    /// Where the key is when nobody says: the place for what a program keeps on this machine (XDG
    /// Base Directory Specification).
    public static var usualPath: String {
        if let state = variable("XDG_STATE_HOME"), state.hasPrefix("/") {
            return state + "/vc-signal/key"
        }
        guard let home = variable("HOME"), home.hasPrefix("/") else { return "vc-signal.key" }
        return home + "/.local/state/vc-signal/key"
    }

    private static func make(
        _ path: String, in arena: SecretArena, random: inout AnyRandomSource
    ) throws(SigningKeyFileError) -> SigningKey {
        let key = SigningKey(random: &random, arena: arena)
        let text = SecretBytes(count: digits + 1, in: arena)
        key.withSeed { writeDigits(of: $0, into: text) }
        do throws(SecretFileError) {
            SecretFile.makeFolders(above: path)
            try SecretFile.create(path, text.span)
            try writePublic(key, beside: path)
        } catch {
            throw .unusable("\(error)")
        }
        return key
    }

    private static func writePublic(
        _ key: borrowing SigningKey, beside path: String
    ) throws(SecretFileError) {
        let text = Array("\(key.verifyKey)\n".utf8)
        unsafe try SecretFile.writePublic(path + ".pub", text.span.bytes)
    }

    /// Nil when there is no such file.
    private static func line(
        of path: String, in arena: SecretArena
    ) throws(SigningKeyFileError) -> SecretLine? {
        do throws(SecretFileError) {
            return try SecretFile.firstLine(of: path, limit: 2 * digits, in: arena)
        } catch {
            if error.isMissing { return nil }
            throw .unusable("\(error)")
        }
    }

    private static func seed(
        _ text: borrowing SecretBytes, in arena: SecretArena
    ) -> SecretBytes? {
        guard text.count == digits else { return nil }
        let seed = SecretBytes(count: SigningKey.seedSize, in: arena)
        let (source, target) = unsafe (text.mutableBytes, seed.mutableBytes)
        for index in target.indices {
            guard let high = value(ofDigit: unsafe source[2 * index]),
                let low = value(ofDigit: unsafe source[2 * index + 1])
            else { return nil }
            unsafe target[index] = high << 4 | low
        }
        return seed
    }

    /// The digits and a line end.
    private static func writeDigits(of bytes: RawSpan, into text: borrowing SecretBytes) {
        let target = unsafe text.mutableBytes
        for index in bytes.byteOffsets {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            unsafe target[2 * index] = digit(byte >> 4)
            unsafe target[2 * index + 1] = digit(byte & 15)
        }
        unsafe target[2 * bytes.byteCount] = UInt8(ascii: "\n")
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
