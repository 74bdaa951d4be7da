import Glibc
import VCAudioTestKit

/// Counts the clicks of a recording by the detector that the tests use.
enum ClickCount {
    /// A file of samples could not be read.
    struct Unreadable: Error {
        let path: String
    }

    /// Prints how many clicks are in the second file, by what is usual in the first one. Both hold
    /// samples as 32-bit floats (48 kHz, mono).
    static func run(undisturbed: String, heard: String) throws {
        let detector = ClickDetector(undisturbed: try samples(of: undisturbed))
        print(detector.clicks(in: try samples(of: heard)).count)
    }

    private static func samples(of path: String) throws -> [Float] {
        guard let file = unsafe fopen(path, "r") else { throw Unreadable(path: path) }
        defer { unsafe fclose(file) }
        unsafe fseek(file, 0, SEEK_END)
        let count = unsafe ftell(file) / MemoryLayout<Float>.size
        unsafe rewind(file)
        let samples = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe fread(buffer.baseAddress, MemoryLayout<Float>.size, count, file)
        }
        guard samples.count == count else { throw Unreadable(path: path) }
        return samples
    }
}
