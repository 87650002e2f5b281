import Foundation
import LinkKit
import NIOPosix
import SQLiteStore
import SyncStore
import Synchronization
import Testing

@testable import BranchAgent
@testable import SyncCore
@testable import SyncTransport
@testable import SyncWire

/// A real branch's store and session against somebody who has the hub's key and lies. Nothing counts as
/// arrived that is not, nothing is lost, and the true hub gets it all afterwards.
@Suite(.timeLimit(.minutes(8))) struct FalseHubTests {
    /// A branch of a true hub with three routine versions queued, and a false hub with the true one's key.
    final class Scene: @unchecked Sendable {
        let crowd: Crowd
        let proxy: EmulatedLink
        let hub: FalseHub
        let folder: AgentFolder
        let key: DeviceKey

        init() async throws {
            crowd = try await Crowd(branches: 1, persons: 5, days: 1)
            try await crowd.open()
            proxy = try EmulatedLink(to: crowd.port)
            try await crowd.join("B000", through: proxy.port)
            for person in 0..<3 { try await crowd.checkIn("B000", "S00000\(person)", "36.5") }
            hub = try await FalseHub(key: try DeviceKey.load(from: crowd.place.path("hub") + "/hub.key"))
            folder = AgentFolder(path: crowd.data("B000"))
            key = try folder.key()
        }

        /// One session of the branch with the false hub, to its end.
        func session(
            _ script: @Sendable @escaping (FalseTalk) async throws -> Void
        ) async throws -> AgentConnectionResult {
            try await meeting { [key, hub] peer in
                try await script(try await FalseTalk(peer, device: key.publicKey, hub: hub.key))
            }
        }

        /// The same from the first byte on.
        func meeting(
            _ script: @Sendable @escaping (RawPeer) async throws -> Void
        ) async throws -> AgentConnectionResult {
            let opened = try folder.open()
            let host = AgentHost(store: opened.store, program: "test", now: AgentFolder.milliseconds)
            async let running = AgentConnection.run(
                address: "127.0.0.1", port: Int(hub.port), pinned: .key(hub.key.fingerprint), key: key,
                session: AgentSession(goal: .drain), host: host, group: MultiThreadedEventLoopGroup.singleton)
            let peer = try await hub.next()
            try await script(peer)
            // Whatever is not over by itself is over when the hub has gone.
            _ = try await peer.farewell()
            return try await running
        }

        func receipted() throws -> UInt64 {
            try folder.open().store.status(of: .routine).receipted
        }

        /// The true hub gets everything that is queued.
        func finish(_ count: Int = 3) async throws {
            #expect(try await crowd.status("B000").versions == count)
            proxy.redirect(to: crowd.port)
            #expect(try await crowd.sync("B000").drained)
            let status = try await crowd.status("B000")
            #expect(status.queued == 0 && status.receipted == count)
            #expect(try await crowd.arrived().count == count)
            proxy.close()
            try await hub.close()
            try await crowd.close()
        }
    }

    struct Lie: Sendable {
        var name: String
        /// With which code the branch ends it; nil when only the false hub does.
        var code: RefusalCode?
        var script: @Sendable (FalseTalk) async throws -> Void

        init(
            _ name: String, _ code: RefusalCode?,
            _ script: @Sendable @escaping (FalseTalk) async throws -> Void
        ) {
            (self.name, self.code, self.script) = (name, code, script)
        }
    }

    /// Tells all lies one after the other; after each, nothing counts as arrived.
    private func tell(_ lies: [Lie]) async throws {
        let scene = try await Scene()
        for lie in lies {
            let result = try await scene.session(lie.script)
            #expect(!result.isDrained, "\(lie.name)")
            #expect(try scene.receipted() == 0, "\(lie.name)")
            switch (result.ending, lie.code) {
            case (.failed(let refuse), let code?):
                #expect(refuse.code == code, "\(lie.name): \(refuse.words)")
                #expect(!refuse.words.isEmpty, "\(lie.name)")
            case (.cut, nil), (.clean, nil): break
            default: Issue.record("\(lie.name): \(result.ending)")
            }
        }
        try await scene.finish()
    }

    @Test func aWelcomeThatLies() async throws {
        try await tell([
            Lie("held beyond the journal", .identityRenewed) { talk in
                try await talk.peer.say(.welcome(talk.welcome { $0.held[1].sequence = 99 }))
                try await talk.denyHeads()
            },
            Lie("an unknown token", .identityRenewed) { talk in
                try await talk.peer.say(.welcome(talk.welcome { $0.isTokenUnknown = true }))
            },
            Lie("heads that nobody asked for", .wrongOrder) { talk in
                try await talk.peer.say(.welcome(talk.welcome { $0.held[1].sequence = 99 }))
                let entries = [Heads.Entry(sequence: 77, head: .zero)]
                try await talk.peer.say(.heads(Heads(origin: talk.routine, entries: entries)))
            },
            Lie("another head", .identityLost) { talk in
                try await talk.peer.say(.welcome(talk.welcome { $0.held[1].head = .zero }))
            },
            Lie("a receipt of nobody", .protocolError) { talk in
                let receipt = try talk.receipt(4_711, 1, .zero)
                try await talk.peer.say(.welcome(talk.welcome { $0.held[1].receipt = receipt }))
            },
            Lie("a receipt by another key", .forgedReceipt) { talk in
                let receipt = try talk.receipt(talk.routine, 3, .zero, by: .generate())
                try await talk.peer.say(.welcome(talk.welcome { $0.held[1].receipt = receipt }))
            },
            Lie("unknown origins", nil) { talk in
                let unknown = HeldOrigin(origin: 4_711, sequence: 5, head: .zero, receipt: nil)
                let batch = try await talk.batch { $0.held += [unknown] }
                #expect(batch.count == 3)
                talk.peer.close()
            },
            Lie("no origins", nil) { talk in
                let batch = try await talk.batch { $0.held = [] }
                #expect(batch.first == 1)
                talk.peer.close()
            },
            Lie("windows of nothing", nil) { talk in
                let batch = try await talk.batch {
                    ($0.urgentWindow, $0.routineWindow, $0.maximumBatch) = (0, 0, 0)
                }
                #expect(batch.count == 1)
                talk.peer.close()
            },
            Lie("windows without end", nil) { talk in
                let batch = try await talk.batch {
                    ($0.urgentWindow, $0.routineWindow, $0.maximumBatch) = (.max, .max, .max)
                }
                #expect(batch.count == 3)
                talk.peer.close()
            },
            Lie("Welcome twice", .wrongOrder) { talk in
                try await talk.peer.say(.welcome(talk.welcome()))
                try await talk.peer.say(.welcome(talk.welcome()))
            },
            Lie("settings too large", .limitExceeded) { talk in
                let large = [UInt8](repeating: 0x20, count: Limits.settingsBytes + 1)
                await talk.peer.say(
                    HostileFrameTests.frame(.welcome(talk.welcome { $0.settings = large })))
            },
        ])
    }

    @Test func receiptsThatLie() async throws {
        let journal: @Sendable (FalseTalk) async throws -> VersionBatch = { try await $0.batch() }
        try await tell([
            Lie("another head", .identityLost) { talk in
                let batch = try await journal(talk)
                try await talk.say(try talk.receipt(batch.origin, batch.last, .zero))
            },
            Lie("beyond the journal", .identityLost) { talk in
                let batch = try await journal(talk)
                try await talk.say(try talk.receipt(batch.origin, 99, talk.head(behind: batch)))
            },
            Lie("by another key", .forgedReceipt) { talk in
                let batch = try await journal(talk)
                try await talk.say(
                    try talk.receipt(batch.origin, batch.last, talk.head(behind: batch), by: .generate()))
            },
            Lie("of another epoch", .forgedReceipt) { talk in
                let batch = try await journal(talk)
                try await talk.say(
                    try talk.receipt(batch.origin, batch.last, talk.head(behind: batch), epoch: .zero))
            },
            Lie("not signed", .forgedReceipt) { talk in
                let batch = try await journal(talk)
                try await talk.say(
                    Receipt(
                        origin: batch.origin, sequence: batch.last, head: try talk.head(behind: batch)))
            },
            Lie("of a foreign origin", .protocolError) { talk in
                let batch = try await journal(talk)
                try await talk.say(try talk.receipt(4_711, batch.last, talk.head(behind: batch)))
            },
            Lie("for no batch", .wrongOrder) { talk in
                let empty = Message.receipt(ReceiptFrame(receipts: [], position: 1))
                _ = try await journal(talk)
                for _ in 0..<2 { try await talk.peer.say(empty) }
            },
            Lie("never", nil) { talk in
                _ = try await journal(talk)
                try await talk.peer.say(.mark(Mark(position: .max, count: 0, sum: 0)))
                try await talk.peer.say(.close(Refuse(.done)))
            },
            Lie("a fork", .identityLost) { talk in
                let batch = try await journal(talk)
                try await talk.peer.say(.fork(Fork(origin: batch.origin, sequence: 0, head: .zero)))
            },
            Lie("a gap again and again", .identityLost) { talk in
                var batch = try await journal(talk)
                for _ in 0...AgentSession.gapLimit {
                    try await talk.peer.say(.gap(Gap(origin: batch.origin, wanted: 1)))
                    guard let next = try? await talk.nextBatch() else { return }
                    batch = next
                }
            },
            Lie("a gap beyond the journal", .identityLost) { talk in
                let batch = try await journal(talk)
                try await talk.peer.say(.gap(Gap(origin: batch.origin, wanted: 50)))
            },
        ])
    }

    private typealias Frame = @Sendable (FalseTalk) -> [UInt8]

    private static func feed(_ position: UInt64, _ change: @Sendable (inout Feed) -> Void = { _ in }) -> Frame
    {
        var feed = Feed(
            lane: .routine, token: FeedToken(epoch: FalseTalk.epoch, position: position, hash: .zero))
        change(&feed)
        return frame(.feed(feed))
    }

    private static func frame(_ message: Message) -> Frame {
        let bytes = HostileFrameTests.frame(message)
        return { _ in bytes }
    }

    private static func lie(_ name: String, _ code: RefusalCode?, _ frames: Frame...) -> Lie {
        Lie(name, code) { talk in
            _ = try await talk.batch()
            for frame in frames { await talk.peer.say(frame(talk)) }
            if code == nil { talk.peer.close() }
        }
    }

    @Test func aFeedThatLies() async throws { try await tell(Self.lyingFeeds() + Self.brokenFeeds()) }

    private static func lyingFeeds() -> [Lie] {
        let version = Version.checkIn("S000009", day: 20_000)
        let verdict = Verdict(dot: Dot(origin: 1, sequence: 1), kind: .noted, reason: "late")
        return [
            lie("a token that stands", .protocolError, feed(5), feed(5)),
            lie("a token that goes back", .protocolError, feed(5), feed(4)),
            lie("another epoch", .protocolError, feed(5) { $0.token.epoch = .zero }),
            lie(
                "versions without names", .protocolError,
                feed(5) { $0.versions.rows = VersionColumns([version]) }),
            lie(
                "names without versions", .protocolError,
                feed(5) { $0.versions.dots = [Dot(origin: 9, sequence: 1)] }),
            lie(
                "a Mark beyond everything", nil,
                frame(.mark(Mark(position: .max, count: .max, sum: .max)))),
            lie(
                "what is in no journal and no scope", nil,
                feed(5) {
                    $0.verdicts = [verdict]
                    $0.scope = [ScopeChange(kind: .leave, subject: "nobody", id: [0x78])]
                }),
        ]
    }

    private static func brokenFeeds() -> [Lie] {
        let verdict = Verdict(dot: Dot(origin: 1, sequence: 1), kind: .noted, reason: "late")
        var long = verdict
        long.reason = String(repeating: "r", count: Limits.reasonBytes + 1)
        let (many, one) = (Array(repeating: verdict, count: Limits.feedItems + 1), [long])
        let large = [UInt8](repeating: 0x20, count: Limits.formDefinitionBytes + 1)
        let bomb = HostileFrameTests.stream(
            MessageType.feed, [1, 2, 3], inflated: Limits.frameInflated)
        return [
            lie(
                "garbage", .protocolError,
                { _ in HostileFrameTests.frame(MessageType.feed, [1, 2, 3], flags: 1) }),
            lie("too many verdicts", .limitExceeded, feed(5) { $0.verdicts = many }),
            lie("a reason too long", .limitExceeded, feed(5) { $0.verdicts = one }),
            lie("a form too large", .limitExceeded, feed(5) { $0.forms = [large] }),
            lie(
                "a word only agents say", .wrongOrder,
                frame(.feedAck(FeedToken(epoch: .zero, position: 1, hash: .zero)))),
            lie("noise", .checksum, { _ in [UInt8](repeating: 0xa5, count: 64) }),
            lie("a bomb", .inflatesTooLarge, { _ in bomb }),
            lie("unknown and critical", .unknownCritical, { _ in HostileFrameTests.frame(99, flags: 1) }),
        ]
    }

    @Test func everyRefusalInEveryPhase() async throws {
        let scene = try await Scene()
        let codes: [RefusalCode] = [
            .protocolError, .frameTooLong, .checksum, .corruptDeflate, .inflatesTooLarge, .unknownCritical,
            .wrongOrder, .limitExceeded, .silence, .notRollcall, .tooOld, .tooNew, .overloaded, .shuttingDown,
            .diskFull, .unknownDevice, .pendingDevice, .revokedDevice, .replaced, .originOfAnother,
            .forgedSeal, .saltMissing, .identityLost, RefusalCode(rawValue: 199), RefusalCode(rawValue: 999),
        ]
        for code in codes {
            let refuse = Refuse(code, retryAfter: 3, words: "because")
            let refused = try await scene.session { try await $0.peer.say(.refuse(refuse)) }
            #expect(refused.ending == .refused(refuse) && !refused.isWelcomed)
            let closed = try await scene.session { talk in
                _ = try await talk.batch()
                try await talk.peer.say(.close(refuse))
            }
            #expect(closed.ending == .refused(refuse) && closed.isWelcomed && !closed.isDrained)
        }
        let early = try await scene.meeting { peer in
            await peer.say(Preamble.bytes() + HostileFrameTests.frame(.close(Refuse(.shuttingDown))))
        }
        #expect(early.ending == .refused(Refuse(.shuttingDown)))
        // Done is no refusal, and no success either.
        let done = try await scene.session { try await $0.peer.say(.close(Refuse(.done))) }
        #expect(done.ending == .clean && !done.isDrained)
        for (bytes, code) in [
            (Preamble.bytes(min: 2, max: 4), RefusalCode.tooNew), (Array("HTTP/1.1 400 ".utf8), .notRollcall),
        ] {
            let result = try await scene.meeting { await $0.say(bytes) }
            guard case .failed(let refuse) = result.ending else {
                Issue.record("\(result.ending)")
                continue
            }
            #expect(refuse.code == code)
        }
        #expect(try scene.receipted() == 0)
        try await scene.finish()
    }

    /// The program itself: what it prints, what it returns, and that it comes to an end.
    @Test func theProgramEndsInWordsWhateverTheHubDoes() async throws {
        let scene = try await Scene()
        scene.proxy.redirect(to: scene.hub.port)
        let (key, hub) = (scene.key.publicKey, scene.hub.key)
        let cases: [(code: Int32, words: String, say: @Sendable (FalseTalk) async throws -> Void)] = [
            (3, "200", { try await $0.peer.say(.refuse(Refuse(.unknownDevice))) }),
            (3, "202", { try await $0.peer.say(.refuse(Refuse(.revokedDevice))) }),
            (
                3, "211",
                { talk in
                    try await talk.peer.say(.welcome(talk.welcome { $0.held[1].sequence = 99 }))
                    try await talk.denyHeads()
                    _ = try await talk.peer.farewell()
                }
            ),
            (3, "120", { try await $0.peer.say(.refuse(Refuse(.overloaded, retryAfter: 3_000))) }),
            // Welcomed again and again, and nothing comes of it.
            (
                2, "done before everything",
                { talk in
                    try await talk.peer.say(.welcome(talk.welcome()))
                    try await talk.peer.say(.close(Refuse(.done)))
                }
            ),
        ]
        let current = Mutex(cases[0].say)
        let answering = Task {
            await scene.hub.answer { peer in
                let say = current.withLock { $0 }
                try await say(try await FalseTalk(peer, device: key, hub: hub))
                _ = try await peer.farewell()
            }
        }
        for (code, words, say) in cases {
            current.withLock { $0 = say }
            let outcome = try await scene.crowd.branch("B000", "sync", expecting: [code])
            #expect(outcome.remarks.contains(words), "\(outcome.remarks)")
            #expect(try scene.receipted() == 0)
        }
        answering.cancel()
        await answering.value
        try await scene.finish()
    }
}
