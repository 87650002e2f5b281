import Forms
import SyncCore
import SyncStore

import struct Crypto.SHA256

/// An agent's transaction in memory: merges like a store, keeps what was authored, remembers prints and
/// sources.
final class TransactionDouble: AgentTransaction {
    private(set) var drafts: [Draft] = []
    private var records: [RecordKey: RecordState] = [:]
    private var prints: [RecordKey: Set<SyncCore.Digest>] = [:]
    private var said: [String: [RecordKey: [Assignment]]] = [:]
    var now: Milliseconds
    var isTrusted = true

    init(now: Milliseconds) { self.now = now }

    var verdicts: [Verdict] = []

    func record(_ key: RecordKey) -> RecordState? { records[key] }

    func verdicts(of dot: Dot) -> [Verdict] { verdicts.filter { $0.dot == dot } }

    func author(_ draft: Draft) -> Dot {
        drafts.append(draft)
        let sequence = UInt64(drafts.filter { $0.lane == draft.lane }.count)
        let stated = draft.stated ?? now
        let version = Version(
            dot: Dot(origin: UInt64(draft.lane.rawValue) + 1, sequence: sequence), key: draft.key,
            formRevision: draft.formRevision, context: draft.context, isDelete: draft.isDelete,
            clockTrusted: isTrusted, authored: now, stated: stated,
            firstCreated: draft.firstCreated ?? stated,
            author: draft.author, assignments: draft.assignments)
        records[draft.key, default: RecordState()].merge(version)
        return version.dot
    }

    func isKnown(_ print: SyncCore.Digest, of key: RecordKey) -> Bool {
        prints[key]?.contains(print) ?? false
    }
    func remember(_ print: SyncCore.Digest, of key: RecordKey) { prints[key, default: []].insert(print) }
    func imported(from source: String, _ key: RecordKey) -> [Assignment]? { said[source]?[key] }
    func rememberImport(from source: String, _ key: RecordKey, _ assignments: [Assignment]) {
        said[source, default: [:]][key] = assignments
    }

    func effective(_ key: RecordKey) -> EffectiveRecord? {
        let rules = FormCatalog.builtIn[key.form]?.mergeRules ?? .latest
        return records[key]?.effective(under: rules)
    }
}

let sha256 = Hashing { bytes in
    var hasher = SHA256()
    hasher.update(bufferPointer: bytes)
    return SyncCore.Digest(bytes: Array(hasher.finalize())) ?? .zero
}
