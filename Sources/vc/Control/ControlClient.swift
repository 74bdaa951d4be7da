internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// Asks the running call, the one begun last where there are several.
enum ControlClient {
    /// A call that answers at all answers at once.
    private static let patienceMilliseconds: CInt = 3_000

    static func run(_ request: ControlRequest) -> ExitStatus {
        let message = ControlMessage(request, asked: MonotonicClock.now)
        guard let folder = ControlFolder.ofProcess else {
            return complain(
                "$XDG_RUNTIME_DIR names no folder that is yours alone, and a running call is "
                    + "reached there only")
        }
        for path in folder.sockets {
            let descriptor = unsafe vc_local_connect(path, patienceMilliseconds)
            guard descriptor >= 0 else {
                // Nobody listens any more: its process was killed.
                if errno == ECONNREFUSED { unsafe unlink(path) }
                // Too many others wait for its answer.
                if errno == EAGAIN { return complain("the running call does not answer") }
                continue
            }
            defer { close(descriptor) }
            guard vc_local_is_own(descriptor) == 1 else { continue }
            return ask(message, descriptor)
        }
        return complain("no call of yours is running here")
    }

    private static func ask(_ message: ControlMessage, _ descriptor: CInt) -> ExitStatus {
        let bytes = message.bytes
        guard unsafe vc_local_send(descriptor, bytes, bytes.count) == bytes.count,
            vc_poll_readable(descriptor, patienceMilliseconds) == 1
        else { return complain("the running call does not answer") }
        var buffer = [UInt8](repeating: 0, count: ControlAnswer.longest)
        let count = unsafe read(descriptor, &buffer, buffer.count)
        guard count > 0, let answer = ControlAnswer(buffer[..<count]) else {
            return complain("the running call does not answer")
        }
        guard answer.isDone else { return complain(answer.text) }
        if !answer.text.isEmpty { StandardStream.output.write(line: answer.text) }
        return .success
    }

    private static func complain(_ sentence: String) -> ExitStatus {
        StandardStream.diagnostics.write(line: "vc: \(sentence)")
        return .unavailable
    }
}
