import Forms
import SyncCore
public import SyncStore

/// What came of letting in what a revoked device had handed over.
public struct Release: Sendable, Hashable {
    /// Entries that count now.
    public var released = 0
    /// Entries that are held back for another reason all the same.
    public var refused = 0
    /// Entries of which nothing shows that this hub held them before the device was revoked.
    public var unproven = 0

    public init(released: Int = 0, refused: Int = 0, unproven: Int = 0) {
        self.released = released
        self.refused = refused
        self.unproven = unproven
    }
}

/// Entries of a revoked device that count.
extension SQLiteHubStore {
    /// Lets in what a revoked device handed over: what this hub held when it was revoked and a backup that
    /// was put back had not, or all of it. Each gets another name, in the hub's own journal.
    ///
    /// What the hub held then is known by the heads of the device's journals, which stand with the
    /// revocation: whoever has the device's key cannot make other entries with the same heads.
    ///
    /// - Parameter all: also what nothing shows to be from before; somebody answers for that.
    /// - Returns: nil when no such device is revoked.
    public func release(
        of device: Int64, all: Bool, reason: String, clock: AuthoringClock
    ) throws -> Release? {
        guard try sender(device)?.state == .revoked else { return nil }
        let proven = try self.proven(of: device)
        return try writing(.routine, clock: clock) { transaction in
            var release = Release()
            var chosen: [Version] = []
            for dot in try surrendered(by: device) {
                guard all || dot.sequence <= proven[dot.origin] ?? 0 else {
                    release.unproven += 1
                    continue
                }
                if let version = try version(dot) { chosen.append(version) }
            }
            if chosen.isEmpty { return release }
            try letIn(chosen, transaction, &release)
            try act(
                "released", device: device,
                detail: "\(chosen.count) entries, "
                    + (all ? "all that was handed over" : "held before it was revoked") + ": \(reason)",
                at: clock.now)
            return release
        }
    }

    /// Lets in what was held back only because its form was not known here: a hub that was put back gets it
    /// before the form is published again.
    func letIn(of form: String, _ transaction: HubWriting) throws -> Release {
        let dots = try connection.all(
            """
            SELECT q.origin, q.sequence FROM verdict v JOIN quarantine q
            ON q.origin = v.origin AND q.sequence = v.sequence
            WHERE q.form = ? AND v.reason = ? AND q.released = 0 ORDER BY v.position, v.sequence
            """, .text(form), .text(Reason.unknownForm)
        ) { Dot(origin: try originID($0.int(0)), sequence: $0.word(1)) }
        var release = Release()
        try letIn(try dots.compactMap { try version($0) }, transaction, &release)
        return release
    }

    private func letIn(_ chosen: [Version], _ transaction: HubWriting, _ release: inout Release) throws {
        if chosen.isEmpty { return }
        let names = try names(of: chosen)
        for version in chosen {
            var version = version
            let dot = version.dot
            version.context = version.context.renamed(names[version.key] ?? [:], beyond: [:])
            let (name, verdicts) = try transaction.author(again: version)
            guard name == names[version.key]?[dot] else {
                throw StoreError(.corrupt, "an entry got another name than it was to have")
            }
            if verdicts.contains(where: { $0.kind == .quarantined }) {
                release.refused += 1
            } else {
                release.released += 1
            }
            try connection.run(
                "UPDATE quarantine SET released = 1 WHERE origin = ? AND sequence = ?",
                .int(try origin(dot.origin)?.number ?? 0), .word(dot.sequence))
        }
    }

    /// How far each journal is the one that the hub held when the device was revoked.
    private func proven(of device: Int64) throws -> [OriginID: UInt64] {
        var proven: [OriginID: UInt64] = [:]
        let session = SessionRef(device: device, replica: 0, number: 0)
        for held in try self.held(of: device, wasRevoked: true) {
            let question = Heads(
                origin: held.origin, entries: [Heads.Entry(sequence: held.sequence, head: nil)])
            if try heads(question, for: session).entries.first?.head == held.head {
                proven[held.origin] = held.sequence
            }
        }
        return proven
    }

    /// What was handed over and is held back for nothing else, in the order in which it came.
    private func surrendered(by device: Int64) throws -> [Dot] {
        try connection.all(
            """
            SELECT q.origin, q.sequence FROM verdict v JOIN quarantine q
            ON q.origin = v.origin AND q.sequence = v.sequence
            WHERE v.device = ? AND v.reason = ? AND q.released = 0 ORDER BY v.position, v.sequence
            """, .int(device), .text(Reason.revokedDevice)
        ) { Dot(origin: try originID($0.int(0)), sequence: $0.word(1)) }
    }

    /// What they are going to be called, by record: whoever covers one of them covers it under that as well.
    private func names(of versions: [Version]) throws -> [RecordKey: [Dot: Dot]] {
        let own = try ownOrigin(.urgent)
        var names: [RecordKey: [Dot: Dot]] = [:]
        for (place, version) in versions.enumerated() {
            names[version.key, default: [:]][version.dot] = Dot(
                origin: own.id, sequence: own.held + 1 + UInt64(place))
        }
        return names
    }
}
