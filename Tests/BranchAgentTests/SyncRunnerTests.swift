import Console
import SyncCore
import SyncTransport
import Testing

@testable import BranchAgent

/// What an end of a connection means for `sync`: its exit code, and whether it tries again.
@Suite struct SyncRunnerTests {
    @Test func whatMayPassIsTriedAgain() {
        let codes: [RefusalCode] = [
            .silence, .shuttingDown, .overloaded, .diskFull, .checksum, .corruptDeflate, .wrongOrder,
            .replaced,
        ]
        for code in codes { #expect(!SyncRunner.failed(Refuse(code)).isFinal, "\(code)") }
        #expect(!SyncRunner.failed(TransportError.unreachable("x")).isFinal)
        #expect(!SyncRunner.failed(TransportError.cut("x")).isFinal)
    }

    @Test func whatPeopleMustMendIsNotTriedAgain() {
        let codes: [RefusalCode] = [
            .unknownDevice, .pendingDevice, .revokedDevice, .originOfAnother, .identityLost,
        ]
        for code in codes {
            let failed = SyncRunner.failed(Refuse(code))
            #expect(failed.isFinal && failed.failure.status == .refusedByHub, "\(code)")
        }
        let stranger = SyncRunner.failed(TransportError.wrongHubKey)
        #expect(stranger.isFinal && stranger.failure.status == .refusedByHub && stranger.code == "215")
    }

    @Test func aHubThatIsAwayIsUnreachable() {
        for code in [RefusalCode.silence, .shuttingDown] {
            #expect(SyncRunner.failed(Refuse(code)).failure.status == .unreachable)
        }
        let errors: [TransportError] = [.unreachable("x"), .cut("x"), .tls("x")]
        for error in errors { #expect(SyncRunner.failed(error).failure.status == .unreachable) }
        #expect(SyncRunner.failed(TransportError.tls("x")).code == "no_secure_connection")
    }

    @Test func whatAHubAsksToWaitIsKept() {
        #expect(SyncRunner.failed(Refuse(.overloaded, retryAfter: 3)).retryAfter == 3)
        #expect(SyncRunner.failed(Refuse(.overloaded, retryAfter: 86_400)).retryAfter == 86_400)
    }

    @Test func aHubThatIsDoneTooEarlyHasNotDrainedTheBranch() {
        func result(isDrained: Bool) -> AgentConnectionResult {
            AgentConnectionResult(
                ending: .clean, isWelcomed: true, isDrained: isDrained, statistics: LinkStatistics())
        }
        let early = SyncRunner.failed(result(isDrained: false), .drain)
        #expect(early?.failure.status == .unreachable && early?.isFinal == false)
        #expect(SyncRunner.failed(result(isDrained: true), .drain) == nil)
        #expect(SyncRunner.failed(result(isDrained: false), .stay) == nil)
    }
}
