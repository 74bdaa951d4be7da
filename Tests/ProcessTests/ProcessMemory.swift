import Foundation
import Testing

/// The memory of a program that stands still, as root can read it.
struct ProcessMemory {
    private struct Region {
        let start: UInt64
        let bytes: [UInt8]
        /// Whether it is kept out of swap: of a `vc` that is the arena of its secrets.
        let isLocked: Bool
    }

    private let regions: [Region]

    /// Reads everything that the program may write to.
    init(of program: Program) throws {
        program.send(SIGSTOP)
        defer { program.send(SIGCONT) }
        let folder = "/proc/\(program.pid)"
        let memory = open("\(folder)/mem", O_RDONLY | O_CLOEXEC)
        try #require(memory >= 0, "\(String(cString: strerror(errno)))")
        defer { close(memory) }
        var found: [Region] = []
        // The kernel gives it piece by piece, so that it must be read to its end.
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "\(folder)/smaps"))
        let list = try #require(try file.readToEnd())
        for mapping in Self.mappings(String(decoding: list, as: UTF8.self))
        where mapping.isWritable {
            var bytes = [UInt8](repeating: 0, count: Int(mapping.end - mapping.start))
            // What cannot be read, as the memory of a device, is nobody's.
            guard pread(memory, &bytes, bytes.count, off_t(mapping.start)) == bytes.count else {
                continue
            }
            found.append(
                Region(start: mapping.start, bytes: bytes, isLocked: mapping.isLocked))
        }
        regions = found
    }

    private struct Mapping {
        let start: UInt64
        let end: UInt64
        let isWritable: Bool
        var isLocked = false
    }

    private static func mappings(_ text: String) -> [Mapping] {
        var list: [Mapping] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0] == "Locked:" {
                list[list.count - 1].isLocked = words[1] != "0"
                continue
            }
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2 else { continue }
            list.append(Mapping(start: ends[0], end: ends[1], isWritable: words[1].contains("w")))
        }
        return list
    }

    /// Everything in the arena that looks like a key: pieces of random bytes, each once.
    var keys: Set<[UInt8]> {
        var keys: Set<[UInt8]> = []
        for region in regions where region.isLocked {
            for start in stride(from: 0, through: region.bytes.count - Self.keySize, by: 16) {
                let piece = Array(region.bytes[start..<start + Self.keySize])
                if Set(piece).count >= Self.keyVariety { keys.insert(piece) }
            }
        }
        return keys
    }

    private static let keySize = 32
    /// Different values in a key, at least: with fewer it is text, a number, or half of a key.
    private static let keyVariety = 24

    /// Where `piece` stands, in the arena or out of it.
    func places(of piece: [UInt8], inArena: Bool) -> [UInt64] {
        regions.filter { $0.isLocked == inArena }.compactMap { region in
            region.bytes.offset(of: piece).map { region.start + UInt64($0) }
        }
    }
}

extension [UInt8] {
    /// Where `piece` stands first.
    fileprivate func offset(of piece: [UInt8]) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var start = 0
            while start + piece.count <= bytes.count,
                let hit = memchr(base + start, Int32(piece[0]), bytes.count - start)
            {
                let place = UnsafeRawPointer(hit) - base
                guard place + piece.count <= bytes.count else { return nil }
                if memcmp(hit, piece, piece.count) == 0 { return place }
                start = place + 1
            }
            return nil
        }
    }

    func contains(piece: [UInt8]) -> Bool { offset(of: piece) != nil }
}
