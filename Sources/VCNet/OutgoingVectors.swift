internal import CVCLinux
internal import Glibc
internal import VCCore

/// The vectors of what is sent: as many messages as datagrams, at most one vector for each.
@safe struct OutgoingVectors: ~Copyable {
    let addresses: UnsafeMutablePointer<sockaddr_in6>
    let vectors: UnsafeMutablePointer<iovec>
    let headers: UnsafeMutablePointer<vc_mmsghdr>
    private let controls: UnsafeMutableRawPointer

    init(slots: Int) {
        unsafe addresses = .allocate(capacity: slots)
        unsafe addresses.initialize(repeating: sockaddr_in6(), count: slots)
        unsafe vectors = .allocate(capacity: slots)
        unsafe vectors.initialize(repeating: iovec(), count: slots)
        unsafe headers = .allocate(capacity: slots)
        unsafe headers.initialize(repeating: vc_mmsghdr(), count: slots)
        unsafe controls = .allocate(
            byteCount: slots * Int(VC_SEGMENT_CONTROL_BYTES), alignment: 8)
        unsafe controls.initializeMemory(
            as: UInt8.self, repeating: 0, count: slots * Int(VC_SEGMENT_CONTROL_BYTES))
    }

    func prepare(_ message: Int, vectors range: Range<Int>, segmentBytes: Int, isDualStack: Bool) {
        let header = unsafe headers + message
        unsafe header.pointee.header.msg_name = UnsafeMutableRawPointer(addresses + message)
        unsafe header.pointee.header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        unsafe header.pointee.header.msg_iov = vectors + range.lowerBound
        unsafe header.pointee.header.msg_iovlen = range.count
        if range.count > 1 {
            unsafe vc_set_segment_bytes(
                &header.pointee.header, controls + message * Int(VC_SEGMENT_CONTROL_BYTES),
                UInt16(segmentBytes))
        } else {
            unsafe header.pointee.header.msg_control = nil
            unsafe header.pointee.header.msg_controllen = 0
        }
        if !isDualStack { useIPv4Address(message) }
    }

    /// For an AF_INET socket; the kernel refuses what is IPv6.
    private func useIPv4Address(_ message: Int) {
        guard let plain = unsafe Endpoint(addresses[message]).socketAddress4 else { return }
        unsafe UnsafeMutableRawPointer(addresses + message).storeBytes(
            of: plain, as: sockaddr_in.self)
        unsafe headers[message].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in>.size)
    }

    deinit {
        unsafe addresses.deallocate()
        unsafe vectors.deallocate()
        unsafe headers.deallocate()
        unsafe controls.deallocate()
    }
}
