internal import Glibc
internal import VCCore
internal import VCNet

/// Gets the room code from where it stands, as bytes that are wiped.
enum CodeInput {
    /// Reads and parses the code. Where it stood on the command line it is overwritten, so that
    /// `ps` shows it no longer than it must.
    static func read(_ source: CodeSource, in arena: SecretArena) throws(CallFailure) -> RoomCode {
        var bytes = [UInt8](repeating: 0, count: RoomCode.longestInput + 1)
        defer {
            unsafe bytes.withUnsafeMutableBytes { unsafe explicit_bzero($0.baseAddress!, $0.count) }
        }
        let count =
            switch source {
            case .arguments(let places): unsafe fromArguments(places, into: &bytes)
            case .environment: unsafe fromEnvironment(into: &bytes)
            case .terminal: unsafe fromTerminal(into: &bytes)
            }
        do throws(RoomCodeError) {
            return unsafe try RoomCode(parsing: bytes.span.bytes.extracting(0..<count), in: arena)
        } catch {
            throw CallFailure(.usage, sentence(of: error))
        }
    }

    private static func sentence(of error: RoomCodeError) -> String {
        // Names at most one word of the list, which the person did not type.
        withWipedText(capacity: RoomCodeError.longestText) { writer in
            error.write(into: &writer)
        } use: { bytes in
            unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
    }

    @unsafe private static func fromArguments(_ places: [Int], into bytes: inout [UInt8]) -> Int {
        var count = 0
        for place in places {
            guard let argument = unsafe CommandLine.unsafeArgv[place + 1] else { continue }
            if count > 0, count < bytes.count {
                bytes[count] = UInt8(ascii: " ")
                count += 1
            }
            let length = unsafe strlen(argument)
            for index in 0..<length where count < bytes.count {
                bytes[count] = unsafe UInt8(bitPattern: argument[index])
                count += 1
            }
            unsafe explicit_bzero(argument, length)
        }
        return count
    }

    @unsafe private static func fromEnvironment(into bytes: inout [UInt8]) -> Int {
        guard let value = unsafe getenv("VC_CODE") else { return 0 }
        let length = unsafe strlen(value)
        let count = min(length, bytes.count)
        for index in 0..<count { bytes[index] = unsafe UInt8(bitPattern: value[index]) }
        unsafe explicit_bzero(value, length)
        return count
    }

    @unsafe private static func fromTerminal(into bytes: inout [UInt8]) -> Int {
        StandardStream.diagnostics.write("Room code: ")
        var count = 0
        while count < bytes.count {
            var byte: UInt8 = 0
            let got = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
            if got < 0, errno == EINTR { continue }
            guard got == 1, byte != UInt8(ascii: "\n") else { break }
            bytes[count] = byte
            count += 1
        }
        return count
    }
}
