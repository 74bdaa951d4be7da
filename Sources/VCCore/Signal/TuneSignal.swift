/// The part of protocol 0xC0 that is about phrases: leases that are found by a bucket of 16 bits
/// instead of a number that people pass on.
extension SignalFormat {
    /// Numbers of leases in buckets: above all nameplates, so that no code names one. They are given
    /// out in order and never twice: the smaller one is the older one.
    public static let tuneLeases: ClosedRange<UInt32> = 1_000_000...UInt32.max

    /// The most leases of a bucket that are known, and told.
    public static let leasesPerBucket = 64

    /// TUNE-LIST is padded, so that its answer is not longer.
    static let tuneListSize = headerSize + 3 + 4 * leasesPerBucket
}

extension SignalRequest {
    static func tuneClaim(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let cookie = try Block16(from: &reader)
        let roomID = try Block16(from: &reader)
        let token = try token(&reader, size)
        let bucket = try reader.readUInt16()
        let wanted = try reader.readUInt32()
        guard wanted == 0 || SignalFormat.tuneLeases.contains(wanted) else {
            throw .unexpectedValue
        }
        return .tuneClaim(
            cookie: cookie, roomID: roomID, token: token, bucket: bucket, wanted: wanted,
            proof: try Block16(from: &reader))
    }

    static func tuneList(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let request = SignalRequest.tuneList(
            cookie: try Block16(from: &reader), bucket: try reader.readUInt16())
        try skipPadding(&reader, size, to: SignalFormat.tuneListSize)
        return request
    }

    public static func writeTuneClaim(
        transaction: UInt64, cookie: Block16, roomID: Block16, token: RawSpan, bucket: UInt16,
        wanted: UInt32, proof: Block16 = .zero, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.tuneClaim, transaction, into: &writer)
        cookie.encode(into: &writer)
        roomID.encode(into: &writer)
        write(token: token, into: &writer)
        writer.write(bucket)
        writer.write(wanted)
        proof.encode(into: &writer)
    }

    public static func writeTuneList(
        transaction: UInt64, cookie: Block16, bucket: UInt16, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.tuneList, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(bucket)
        writer.pad(to: SignalFormat.tuneListSize)
    }
}

extension SignalAnswer {
    static func leases(_ reader: inout ByteReader) throws(DecodeError) -> SignalAnswer {
        let bucket = try reader.readUInt16()
        let count = Int(try reader.readUInt8())
        guard count <= SignalFormat.leasesPerBucket else { throw .tooLong }
        var leases: [UInt32] = []
        for _ in 0..<count {
            let lease = try reader.readUInt32()
            guard SignalFormat.tuneLeases.contains(lease) else { throw .unexpectedValue }
            leases.append(lease)
        }
        return .leases(bucket: bucket, leases)
    }

    public static func writeLeases(
        transaction: UInt64, bucket: UInt16, _ leases: [UInt32], into writer: inout ByteWriter
    ) {
        precondition(leases.count <= SignalFormat.leasesPerBucket, "too many leases")
        SignalFormat.writeHeader(Code.leases, transaction, into: &writer)
        writer.write(bucket)
        writer.write(UInt8(leases.count))
        for lease in leases { writer.write(lease) }
    }
}

/// When a `SignalClient` asks for the leases of a bucket.
struct BucketInquiry {
    /// Without an answer; then as long as between the last two.
    private static let retries: [Duration] = [.milliseconds(250), .milliseconds(500), .seconds(1)]

    private var bucket: UInt16?
    private var attempt = 0
    /// When `handleTimeout` has something to do.
    private(set) var next = Instant.distantFuture
    /// Whether TUNE-LIST is to be sent.
    private(set) var isDue = false

    /// Asks, until there is an answer.
    mutating func ask(_ bucket: UInt16, now: Instant) {
        self.bucket = bucket
        attempt = 0
        next = now
        handleTimeout(now: now)
    }

    mutating func handleTimeout(now: Instant) {
        guard next <= now else { return }
        isDue = true
        next = now + Self.retries[min(attempt, Self.retries.count - 1)]
        attempt += 1
    }

    /// The bucket to ask for, once.
    mutating func take() -> UInt16? {
        guard isDue else { return nil }
        isDue = false
        return bucket
    }

    /// - Returns: whether that was asked; it is not waited for any more.
    mutating func answered(_ bucket: UInt16) -> Bool {
        guard bucket == self.bucket else { return false }
        self.bucket = nil
        isDue = false
        next = .distantFuture
        return true
    }
}

extension SignalClient {
    /// The one of the servers that is talked to.
    var chosenServer: Endpoint? { route.flatMap { routes.server(of: $0) } }

    /// Asks the server which leases there are in a bucket, until it says so: `.leases`.
    public mutating func requestLeases(of bucket: UInt16, now: Instant) {
        guard phase != .releasing, phase != .closed else { return }
        bucketInquiry.ask(bucket, now: now)
    }

    mutating func handleLeases(_ bucket: UInt16, _ leases: [UInt32], now: Instant) {
        timers.answered(now)
        if bucketInquiry.answered(bucket) { tell(.leases(bucket: bucket, leases)) }
    }
}
