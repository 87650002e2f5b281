import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// Describes a store for whoever helps, without anybody's data.
struct BundleMaker {
    let path: String
    let now: Milliseconds
    private let damages = Damages()

    init(path: String, now: Milliseconds) {
        self.path = path
        self.now = now
    }

    func parts(isOffline: Bool) async -> [String: BundleValue] {
        var parts: [String: BundleValue] = [
            "kind": .word("rollcall bundle 1"), "made": .time(now),
            "program": .word(BundleWord(program: "sync-inspect \(Program.version)")),
            "checkup": .list(await checkup(isOffline: isOffline)), "files": files(),
            "system": .map(["processors": .number(Int64(ProcessInfo.processInfo.processorCount))]),
        ]
        guard let opened = try? StoreAtHand(path, hashing: .sha256, verifying: .p256) else { return parts }
        parts["store"] = .word(BundleWord(opened.kind, among: ["agent", "hub"]))
        parts["sessions"] = part("sessions") { .list(try sessions(opened)) }
        parts["tables"] = part("tables") { try tables(opened) }
        parts["verify"] = part("verify") { try verify(opened) }
        switch opened {
        case .agent(let agent): describe(agent, &parts)
        case .hub(let hub): describe(hub, &parts)
        }
        return parts
    }

    /// A part that cannot be read is said to be damaged, and the rest is made all the same.
    private func part(_ name: StaticString, _ body: () throws -> BundleValue) -> BundleValue {
        do {
            return try body()
        } catch {
            let code = (error as? StoreError)?.code ?? .inputOutput
            return .map(["damaged": .word(BundleWord(code))])
        }
    }

    /// Names and outcomes; what is said beside them may name addresses.
    private func checkup(isOffline: Bool) async -> [BundleValue] {
        await DoctorCommand.checkup(path, isOffline: isOffline, now: now).steps.map { step in
            .map([
                "name": .word(BundleWord(step.name, among: BundleMaker.steps)),
                "outcome": .word(BundleWord(step.outcome)),
            ])
        }
    }

    private static let steps = [
        "program", "folder", "rights", "key", "store", "disk", "joined", "own_key", "clock", "past", "queue",
        "quarantine", "program_runs", "session", "trap", "devices", "backup", "conflicts", "name",
        "connection", "secure", "hub_key", "greeting", "hello", "clock_now", "content", "report", "reports",
        "turned_away",
    ]

    private static let files = [
        "store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "device.key", "hub.key", "hub.keys",
        "ballast", "session.lock", "trap.marker", "audit.head", "revocations.jsonl",
    ]

    private func files() -> BundleValue {
        let folder = StoreFolder(path)
        var sizes: [String: BundleValue] = ["free bytes": .number(Int64(clamping: folder.room))]
        for name in BundleMaker.files {
            guard let facts = folder.facts(name) else { continue }
            sizes[name] = .map([
                "bytes": .number(facts.size), "mode": .number(Int64(facts.mode & 0o777)),
            ])
        }
        return .map(sizes)
    }

    private func sessions(_ opened: StoreAtHand) throws -> [BundleValue] {
        try opened.sessions(limit: 200).map { entry in
            var session: [String: BundleValue] = [
                "began": .time(entry.began), "welcomed": .flag(entry.isWelcomed),
                "tries": .number(Int64(entry.tries)), "bytesUp": .number(Int64(clamping: entry.bytesUp)),
                "bytesDown": .number(Int64(clamping: entry.bytesDown)),
                "versionsUp": .number(Int64(clamping: entry.versionsUp)),
                "versionsDown": .number(Int64(clamping: entry.versionsDown)),
                "device": .number(entry.device),
            ]
            session["ended"] = entry.ended.map { .time($0) }
            session["ending"] = entry.ending.map { .word(BundleWord(ending: $0)) }
            if !entry.program.isEmpty {
                session["program"] = .word(BundleWord(program: entry.program))
            }
            return .map(session)
        }
    }

    private func tables(_ opened: StoreAtHand) throws -> BundleValue {
        let counts: [String: Int]
        switch opened {
        case .agent(let agent): counts = try agent.tableCounts()
        case .hub(let hub): counts = try hub.tableCounts()
        }
        // Names of tables that a form of the centre's own has made say what it is called.
        let known = counts.filter { name, _ in
            !name.hasPrefix("form_") && !name.contains("-") && name.utf8.allSatisfy { $0 < 0x80 }
                && BundleMaker.tables.contains(name)
        }
        return .map(known.mapValues { .number(Int64($0)) })
    }

    private static let tables: Set<String> = [
        "configuration", "session", "contact", "origin", "record", "version", "doubted", "seal", "salt",
        "row_print", "import_memory", "receipt", "verdict", "form", "scope", "rename", "identity_event",
        "session_entry", "receipt_time", "meta", "device", "invitation", "segment", "hole", "term", "sibling",
        "quarantine", "vouched", "feed", "scope_sum", "scope_work", "scope_since", "node", "history",
        "coverage",
        "audit", "conflict", "replica",
    ]

    private func verify(_ opened: StoreAtHand) throws -> BundleValue {
        let result: StoreVerification
        switch opened {
        case .agent(let agent): result = try agent.verify()
        case .hub(let hub): result = try hub.verify()
        }
        let damages = result.damages.map { damage -> BundleValue in
            var part: [String: BundleValue] = ["kind": .word(BundleWord(damage.kind))]
            part["origin"] = damage.origin.map { .word(BundleWord($0)) }
            part["first"] = damage.sequences.map { .number(Int64(clamping: $0.lowerBound)) }
            part["last"] = damage.sequences.map { .number(Int64(clamping: $0.upperBound)) }
            return .map(part)
        }
        return .map([
            "versions": .number(Int64(result.versions)), "seals": .number(Int64(result.seals)),
            "receipts": .number(Int64(result.receipts)), "damages": .list(damages),
        ])
    }

    private func describe(_ agent: SQLiteAgentStore, _ parts: inout [String: BundleValue]) {
        parts["queue"] = part("queue") {
            .list(
                try (agent.closedOrigins() + agent.origins()).map { origin in
                    let look = try agent.queue(
                        of: origin, after: origin.receipted, now: now, QueueFilter(), limit: 0)
                    return .map([
                        "origin": .word(BundleWord(origin.id)), "lane": .word(BundleWord(origin.claim.lane)),
                        "last": .number(Int64(clamping: origin.sequence)),
                        "receipted": .number(Int64(clamping: origin.receipted)),
                        "backedUp": .number(Int64(clamping: origin.backedUp)),
                        "floor": .number(Int64(clamping: origin.floor)),
                        "missing": .number(Int64(look.missing)),
                        "unreadable": .number(Int64(look.unreadable)),
                        "groups": .list(
                            look.groups.map { group in
                                .map([
                                    "form": .word(BundleWord(group.form, in: .builtIn)),
                                    "age": .number(Int64(group.age)),
                                    "versions": .number(Int64(group.versions)),
                                    "bytes": .number(Int64(group.bytes)), "oldest": .time(group.oldest),
                                ])
                            }),
                    ])
                })
        }
        parts["contact"] = part("contact") {
            let contact = try agent.contact()
            var facts: [String: BundleValue] = ["skew": .number(contact.skew)]
            facts["lastContact"] = contact.lastContact.map { .time($0) }
            facts["lastReceipt"] = contact.lastReceipt.map { .time($0) }
            facts["lastHubTime"] = contact.lastHubTime.map { .time($0) }
            facts["nextTry"] = contact.nextTry.map { .time($0) }
            facts["lastFailure"] = contact.lastFailure.map { .word(BundleWord(ending: $0)) }
            return .map(facts)
        }
        parts["past"] = part("past") {
            .list(
                try agent.identityEvents(limit: 50).map { event in
                    .map([
                        "at": .time(event.at), "kind": .number(Int64(event.kind.rawValue)),
                        "versions": .number(Int64(clamping: event.versions)),
                    ])
                })
        }
        parts["quarantine"] = part("quarantine") {
            BundleMaker.counts(try agent.verdicts([.quarantined], limit: .max).map(\.verdict.reason))
        }
    }

    private func describe(_ hub: SQLiteHubStore, _ parts: inout [String: BundleValue]) {
        parts["devices"] = part("devices") {
            .list(
                try hub.devices().map { device in
                    var facts: [String: BundleValue] = [
                        "id": .number(device.id), "state": .word(BundleWord(device.state)),
                        "skew": .number(device.skew), "stores": .number(Int64(device.replicas)),
                        "urgent": .number(Int64(clamping: device.urgent.count)),
                        "routine": .number(Int64(clamping: device.routine.count)),
                        "program": .word(BundleWord(program: device.program)),
                        "version": .number(Int64(device.version)), "joined": .time(device.joined),
                    ]
                    facts["lastSeen"] = device.lastSeen.map { .time($0) }
                    return .map(facts)
                })
        }
        parts["journals"] = part("journals") {
            .list(
                try hub.journals().map { journal in
                    .map([
                        "origin": .word(BundleWord(journal.origin)), "lane": .word(BundleWord(journal.lane)),
                        "device": .number(journal.device ?? 0),
                        "held": .number(Int64(clamping: journal.held)),
                        "sealed": .number(Int64(clamping: journal.sealed)),
                        "segments": .number(Int64(clamping: journal.segments)),
                    ])
                })
        }
        parts["quarantine"] = part("quarantine") {
            BundleMaker.counts(
                try hub.quarantineCounts().flatMap {
                    Array(repeating: $0.reason, count: min($0.count, 1 << 20))
                })
        }
        parts["conflicts"] = part("conflicts") { .number(Int64(try hub.conflictCount())) }
    }

    private static func counts(_ reasons: [String]) -> BundleValue {
        var counts: [String: Int64] = [:]
        for reason in reasons { counts[BundleWord(reason: reason).text, default: 0] += 1 }
        return .map(counts.mapValues { .number($0) })
    }
}

extension BundleValue {
    fileprivate static func word(_ text: StaticString) -> BundleValue { .word(BundleWord(text)) }
}
