import Testing

@testable import VCCore

/// Who takes the place of a silent host, and who is followed.
@Suite struct SuccessionMachineTests {
    private static let now = Instant.zero + .seconds(1_000)

    /// Host 1, successor 2, seen by `own`.
    private static func view(
        own: UInt8 = 2, host: Int64 = 0, successor: Int64 = 0, hasLeft: Bool = false,
        heard: [UInt8] = [3, 4], hearsStrays: Bool = false, hearsTheirHost: Bool = true,
        canClaimLease: Bool = true, after: Int64 = 0
    ) -> SuccessionMachine.View {
        SuccessionMachine.View(
            now: now + .milliseconds(after), own: own, host: 1, successor: 2, term: 5,
            hostSilence: .milliseconds(host), successorSilence: .milliseconds(successor),
            hostHasLeft: hasLeft, heard: heard, hearsStrays: hearsStrays,
            hearsTheirHost: hearsTheirHost, canClaimLease: canClaimLease)
    }

    @Test("the successor asks for the lease when the host is silent for 5 s, and not before")
    func lease() {
        var machine = SuccessionMachine()
        #expect(machine.handleTimeout(Self.view(host: 4_999)) == nil)
        #expect(machine.handleTimeout(Self.view(host: 5_000)) == .claimLease)
        #expect(machine.isClaiming && !machine.hasAnnounced)
    }

    @Test("without an answer of vc-signal it claims among those who hear it, after 2 s")
    func withoutServer() {
        var machine = SuccessionMachine()
        _ = machine.handleTimeout(Self.view(host: 5_000))
        #expect(machine.handleTimeout(Self.view(host: 6_999, after: 1_999)) == nil)
        #expect(machine.handleTimeout(Self.view(host: 7_000, after: 2_000)) == .claim)
        #expect(machine.handleTimeout(Self.view(host: 8_000, after: 3_000)) == nil, "once")
    }

    @Test("while vc-signal hears the host it claims nothing among the members, until 15 s")
    func leaseHeld() {
        var machine = SuccessionMachine()
        _ = machine.handleTimeout(Self.view(host: 5_000))
        machine.leaseHeld()
        #expect(machine.handleTimeout(Self.view(host: 14_999, after: 9_999)) == nil)
        #expect(machine.handleTimeout(Self.view(host: 15_000, after: 10_000)) == .claim)
    }

    @Test("a successor that hears nobody claims at vc-signal only")
    func lonelySuccessor() {
        var machine = SuccessionMachine()
        #expect(machine.handleTimeout(Self.view(host: 5_000, heard: [])) == .claimLease)
        #expect(machine.handleTimeout(Self.view(host: 50_000, heard: [], after: 45_000)) == nil)
        var embedded = SuccessionMachine()
        #expect(
            embedded.handleTimeout(Self.view(host: 50_000, heard: [], canClaimLease: false)) == nil)
        #expect(
            embedded.handleTimeout(Self.view(host: 50_000, canClaimLease: false)) == .claim)
    }

    @Test("a host that is heard again ends the claim")
    func withdraw() {
        var machine = SuccessionMachine()
        _ = machine.handleTimeout(Self.view(host: 5_000))
        #expect(machine.handleTimeout(Self.view(host: 0, after: 1_000)) == .withdraw)
        #expect(!machine.isClaiming)
    }

    @Test("nobody but the successor and the lowest that is heard ever claims", arguments: 3...5)
    func others(own: UInt8) {
        var machine = SuccessionMachine()
        let heard = ([3, 4, 5] as [UInt8]).filter { $0 != own }
        #expect(machine.handleTimeout(Self.view(own: own, host: 24_999, heard: heard)) == nil)
        let action = machine.handleTimeout(
            Self.view(own: own, host: 15_000, successor: 15_000, heard: heard))
        #expect(action == (own == 3 ? .gather : nil))
        var alone = SuccessionMachine()
        #expect(
            alone.handleTimeout(Self.view(own: own, host: 59_000, successor: 59_000, heard: []))
                == nil, "who hears nobody never claims")
    }

    @Test("the successor's claim is followed after 5 s of the member's own silence, or a goodbye")
    func followsSuccessor() {
        let machine = SuccessionMachine()
        func judge(_ term: UInt32, _ view: SuccessionMachine.View) -> SuccessionMachine.Verdict {
            machine.judge(claimant: 2, term: term, view)
        }
        #expect(judge(6, Self.view(own: 3, host: 4_999)) == .wait)
        #expect(judge(6, Self.view(own: 3, host: 5_000)) == .follow)
        #expect(judge(6, Self.view(own: 3, hasLeft: true)) == .follow)
        // Term jumps other than one.
        for term in [0, 4, 5, 7, 100] as [UInt32] {
            #expect(judge(term, Self.view(own: 3, host: 24_999)) == .wait)
        }
    }

    @Test("a successor that is heard, and has not claimed after 25 s, is passed over")
    func passedOver() {
        var machine = SuccessionMachine()
        let early = Self.view(own: 3, host: 24_999, heard: [2, 4])
        let late = Self.view(own: 3, host: 25_000, heard: [2, 4])
        // It is the lowest that would be followed.
        #expect(machine.judge(claimant: 2, term: 7, early) == .wait)
        #expect(machine.judge(claimant: 2, term: 7, late) == .follow)
        #expect(machine.handleTimeout(late) == nil)
        let lowest = Self.view(own: 3, host: 25_000, heard: [4])
        #expect(machine.handleTimeout(Self.view(own: 3, host: 24_999, heard: [4])) == nil)
        #expect(machine.handleTimeout(lowest) == .gather)
    }

    @Test("whoever hears only members of another host gathers alone, after 7 s of that")
    func lonely() {
        var machine = SuccessionMachine()
        func view(_ after: Int64, successor: Int64 = 30_000, strays: Bool = true)
            -> SuccessionMachine.View
        {
            Self.view(
                own: 3, host: 30_000, successor: successor, heard: [], hearsStrays: strays,
                after: after)
        }
        #expect(machine.handleTimeout(view(0)) == nil)
        #expect(machine.handleTimeout(view(6_999)) == nil)
        #expect(machine.handleTimeout(view(7_000)) == .gather)
        // Whoever hears nobody does not, and what is interrupted begins anew.
        machine.reset()
        #expect(machine.handleTimeout(view(0)) == nil)
        #expect(machine.handleTimeout(view(5_000, strays: false)) == nil)
        #expect(machine.handleTimeout(view(7_000)) == nil)
        #expect(machine.handleTimeout(view(14_000)) == .gather)
    }

    @Test("where the other host is not heard either, it need not wait for a claim of it")
    func lonelier() {
        var machine = SuccessionMachine()
        func view(_ after: Int64, host: Int64 = 5_000, own: UInt8 = 3, theirHost: Bool = false)
            -> SuccessionMachine.View
        {
            Self.view(
                own: own, host: host, heard: [], hearsStrays: true, hearsTheirHost: theirHost,
                canClaimLease: false, after: after)
        }
        #expect(machine.handleTimeout(view(0, host: 4_999)) == nil)
        #expect(machine.handleTimeout(view(1)) == nil)
        #expect(machine.handleTimeout(view(7_000)) == nil)
        #expect(machine.handleTimeout(view(7_001)) == .gather)
        machine.reset()
        #expect(machine.handleTimeout(view(0, theirHost: true)) == nil)
        #expect(machine.handleTimeout(view(7_000, theirHost: true)) == nil)
        // The successor has the lease to ask for.
        machine.reset()
        #expect(machine.handleTimeout(view(0, own: 2)) == nil)
        #expect(machine.handleTimeout(view(7_000, own: 2)) == nil)
    }

    @Test("no other claim is followed before host and successor are silent for 15 s")
    func followsLowest() {
        let machine = SuccessionMachine()
        func judge(
            _ claimant: UInt8, _ view: SuccessionMachine.View
        ) -> SuccessionMachine.Verdict {
            machine.judge(claimant: claimant, term: 7, view)
        }
        let late = Self.view(own: 4, host: 15_000, successor: 15_000, heard: [3, 5])
        #expect(judge(3, late) == .follow)
        #expect(judge(5, late) == .wait, "3 is lower")
        #expect(judge(1, late) == .refuse, "the host itself")
        #expect(judge(3, Self.view(own: 4, host: 15_000, successor: 14_999)) == .wait)
        #expect(judge(3, Self.view(own: 4, host: 14_999, successor: 15_000)) == .wait)
        #expect(judge(3, Self.view(own: 4)) == .wait)
        let deserted = Self.view(own: 3, host: 15_000, successor: 15_000, heard: [5])
        #expect(judge(5, deserted) == .follow, "nobody else is left")
    }
}
