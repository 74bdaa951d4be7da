internal import Glibc
internal import VCNet

/// Reads a secret of the person as bytes, from where it stands, into memory that the caller wipes.
/// Each function returns how many bytes there were; what does not fit is cut off.
enum SecretInput {
    /// The arguments at these places, with spaces between them. Where they stood they are
    /// overwritten, so that `ps` shows them no longer than it must.
    static func arguments(_ places: [Int], into bytes: inout [UInt8]) -> Int {
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

    static func environment(_ secret: SecretSetting, into bytes: inout [UInt8]) -> Int {
        guard let value = unsafe getenv(secret.variable) else { return 0 }
        let length = unsafe strlen(value)
        let count = min(length, bytes.count)
        for index in 0..<count { bytes[index] = unsafe UInt8(bitPattern: value[index]) }
        unsafe explicit_bzero(value, length)
        return count
    }

    /// One line of standard input, asked for on standard error.
    static func terminal(_ question: String, into bytes: inout [UInt8]) -> Int {
        StandardStream.diagnostics.write(question)
        var count = 0
        while count < bytes.count {
            guard let byte = EarlySignals.nextByte(), byte != UInt8(ascii: "\n") else { break }
            bytes[count] = byte
            count += 1
        }
        return count
    }
}
