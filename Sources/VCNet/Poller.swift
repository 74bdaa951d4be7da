internal import CVCLinux
internal import Glibc
public import VCCore

/// Waits for descriptors and for one deadline: epoll, and a timerfd on the clock that machines
/// are driven by.
@safe public struct Poller: ~Copyable {
    /// What a registered descriptor is ready for.
    public struct Readiness: Sendable, Equatable {
        /// The token it was registered with.
        public let token: UInt64
        /// There is something to read (or the other end is gone).
        public let isReadable: Bool
        /// There is room to write.
        public let isWritable: Bool
    }

    /// Descriptors reported by one `wait`; more are reported by the next one.
    private static let capacity = 16
    /// The token of the timer: no caller may use it.
    private static let timerToken = UInt64.max

    private let epoll: FileDescriptor
    private let timer: FileDescriptor
    private let events: UnsafeMutablePointer<epoll_event>
    private var armed = Instant.distantFuture
    private var ready = 0

    public init() throws(SystemError) {
        let epoll = FileDescriptor(
            try attempt("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) } ?? -1)
        let timer = FileDescriptor(
            try attempt("timerfd_create") {
                timerfd_create(CLOCK_BOOTTIME, CInt(TFD_NONBLOCK | TFD_CLOEXEC))
            } ?? -1)
        try Self.control(
            epoll, EPOLL_CTL_ADD, timer.number, EPOLLIN.rawValue, Self.timerToken)
        self.epoll = epoll
        self.timer = timer
        unsafe events = .allocate(capacity: Self.capacity)
        unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
    }

    /// Watches `descriptor`, which stays the caller's, until it is removed or closed.
    public func add(
        _ descriptor: CInt, token: UInt64, read: Bool = true, write: Bool = false
    ) throws(SystemError) {
        precondition(token != Self.timerToken, "this token is the timer's")
        try Self.control(
            epoll, EPOLL_CTL_ADD, descriptor, Self.mask(read: read, write: write), token)
    }

    /// Watches an eventfd that nobody reads: each signal is reported once (EPOLLET), which saves
    /// the system call that would take note of it.
    public func addSignal(_ descriptor: CInt, token: UInt64) throws(SystemError) {
        precondition(token != Self.timerToken, "this token is the timer's")
        try Self.control(
            epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue | EPOLLET.rawValue, token)
    }

    /// Changes what `descriptor` is watched for.
    public func modify(
        _ descriptor: CInt, token: UInt64, read: Bool, write: Bool
    ) throws(SystemError) {
        try Self.control(
            epoll, EPOLL_CTL_MOD, descriptor, Self.mask(read: read, write: write), token)
    }

    /// Stops watching `descriptor`.
    public func remove(_ descriptor: CInt) throws(SystemError) {
        try Self.control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Sleeps until a descriptor is ready or `deadline` has come; nil waits for descriptors only.
    ///
    /// - Returns: how many descriptors are ready, 0 when it was the deadline.
    public mutating func wait(until deadline: Instant?) throws(SystemError) -> Int {
        try arm(deadline ?? .distantFuture)
        return try collect(milliseconds: -1)
    }

    /// Looks which descriptors are ready, without waiting and whatever the deadline.
    ///
    /// - Returns: how many are ready.
    public mutating func look() throws(SystemError) -> Int {
        try collect(milliseconds: 0)
    }

    private mutating func collect(milliseconds: CInt) throws(SystemError) -> Int {
        ready = 0
        let count = try attempt("epoll_wait") {
            unsafe epoll_wait(epoll.number, events, CInt(Self.capacity), milliseconds)
        }
        let found = Int(count ?? 0)
        var index = 0
        while index < found {
            let event = unsafe events[index]
            index += 1
            if unsafe event.data.u64 == Self.timerToken {
                try acknowledgeTimer()
            } else {
                unsafe events[ready] = event
                ready += 1
            }
        }
        return ready
    }

    /// What the last `wait` found.
    public func readiness(_ index: Int) -> Readiness {
        precondition(index < ready, "no such descriptor")
        let event = unsafe events[index]
        let mask = unsafe event.events
        let failed = mask & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        return unsafe Readiness(
            token: event.data.u64,
            isReadable: failed || mask & EPOLLIN.rawValue != 0,
            isWritable: mask & EPOLLOUT.rawValue != 0)
    }

    private static func mask(read: Bool, write: Bool) -> UInt32 {
        (read ? EPOLLIN.rawValue : 0) | (write ? EPOLLOUT.rawValue : 0)
    }

    private static func control(
        _ epoll: borrowing FileDescriptor, _ operation: CInt, _ descriptor: CInt, _ mask: UInt32,
        _ token: UInt64
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = mask
        unsafe event.data.u64 = token
        let number = epoll.number
        _ = try attempt("epoll_ctl") {
            unsafe epoll_ctl(number, operation, descriptor, &event)
        }
    }

    private mutating func arm(_ deadline: Instant) throws(SystemError) {
        guard deadline != armed else { return }
        var setting = itimerspec()
        if deadline != .distantFuture {
            // A value of zero would disarm the timer instead of firing at once.
            let nanoseconds = max(1, deadline.nanoseconds)
            setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
            setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        _ = try attempt("timerfd_settime") {
            unsafe timerfd_settime(timer.number, CInt(TFD_TIMER_ABSTIME), &setting, nil)
        }
        armed = deadline
    }

    private mutating func acknowledgeTimer() throws(SystemError) {
        var expirations: UInt64 = 0
        _ = try attempt("read") { unsafe read(timer.number, &expirations, 8) }
        armed = .distantFuture
    }

    deinit {
        unsafe events.deallocate()
    }
}
