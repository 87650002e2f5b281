import Foundation
import NIOCore
import Testing

@testable import SyncCore
@testable import SyncTransport

/// The times that the specification names are those of the code.
@Suite struct SpecTimerTests {
    @Test func theTableHoldsTheTimesOfTheCode() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let spec = try String(contentsOf: root.appending(path: "Protocol/SPEC.md"), encoding: .utf8)
        func seconds(_ time: UInt64) -> String { "\(time / 1_000) s" }
        func seconds(_ time: TimeAmount) -> String { "\(time.nanoseconds / 1_000_000_000) s" }
        let (drains, stays) = (AgentSession(goal: .drain), AgentSession(goal: .stay))
        let rows = [
            "| both | the handshake | \(seconds(Link.handshakeLimit)), then hangs up |",
            "| both | the other's preamble, from the handshake on | \(seconds(Link.preambleLimit)), "
                + "then hangs up |",
            "| hub | `Join` or `Hello`, from the preamble on | \(seconds(HubSession.greetingLimit)), "
                + "then 108 |",
            "| hub | any word | \(seconds(HubSession.quietLimit)), then `Ping`; "
                + "\(seconds(HubSession.silenceLimit)), then 108 |",
            "| | the rest of a frame that has begun, or 4,096 bytes more of it | "
                + "\(seconds(HubSession.progressLimit)), then 108 |",
            "| | the agent to take some of what waits for it, 4,096 bytes at least | "
                + "\(seconds(HubSession.progressLimit)), then 108 |",
            "| agent that wants to be done | any word | \(seconds(drains.quietLimit)), then `Ping`; "
                + "\(seconds(drains.silenceLimit)), then 108 |",
            "| | something to come about | \(seconds(drains.progressLimit)), then 108 |",
            "| agent that stays | any word | \(seconds(stays.quietLimit)), then `Ping`; "
                + "\(seconds(stays.silenceLimit)), then 108 |",
            "| | something to come about, while it waits | \(seconds(stays.progressLimit)), then 108 |",
            "| agent that asks (section 15) | `Welcome`; a `Tally` | "
                + "\(seconds(ReconcileSession.greetingLimit)); \(seconds(ReconcileSession.patience)), "
                + "then 108 |",
            "| hub, after its last word | the agent's end | \(seconds(Link.lingerLimit)), then hangs up |",
        ]
        #expect(Limits.frameStep == 4_096)
        for row in rows { #expect(spec.contains("   " + row + "\n"), "\(row)") }
    }
}
