import Foundation
import Testing

/// A file of one test; gone with it.
final class TextFile {
    let path: String

    init(_ text: String, mode: Int = 0o600) throws {
        path = NSTemporaryDirectory() + "vc-test-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs a program, for 30 seconds at most, and returns what it printed.
func output(
    of path: String, _ arguments: [String], environment: [String: String] = [:], input: String = ""
) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--kill-after=1", "30", path] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (pipe, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = pipe
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // A few kilobytes: they fit into the pipes.
    try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try pipe.fileHandleForWriting.close()
    let text = String(
        decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaints = String(
        decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text, complaints)
}
