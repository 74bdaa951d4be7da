import Foundation
import Testing
import VCCore

/// A file of published test vectors beside this one; each names its source.
enum VectorFile {
    static func load(_ name: String, from path: String = #filePath) throws -> [String: Any] {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appendingPathComponent("Vectors/\(name).json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
}

extension [String: Any] {
    func object(_ key: String) throws -> [String: Any] {
        try #require(self[key] as? [String: Any])
    }

    func objects(_ key: String) throws -> [[String: Any]] {
        try #require(self[key] as? [[String: Any]])
    }

    func bytes(_ key: String) throws -> [UInt8] {
        [UInt8](hex: try #require(self[key] as? String))
    }
}

extension [UInt8] {
    init(hex: String) {
        let digits = Array<Character>(hex)
        self = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
        }
    }

    init(_ span: RawSpan) {
        self = span.withUnsafeBytes { Array($0) }
    }
}

/// Hands out given bytes, in order: for vectors that fix a key.
struct FixedBytes: RandomSource {
    var bytes: [UInt8]

    mutating func fill(_ target: UnsafeMutableRawBufferPointer) {
        target.copyBytes(from: bytes[..<target.count])
        bytes.removeFirst(target.count)
    }
}
