import SyncStore

/// Bugs that can be planted, each to show that a checker finds it; such a program might have each of them.
enum Plant: String, CaseIterable, Sendable {
    // People
    case contextAtSave = "context-at-save"
    case contextEmpty = "context-empty"
    case savedBeforeCommit = "saved-before-commit"
    // The branch's store
    case dedupeBySequence = "dedupe-by-sequence"
    case wholeRecordLatest = "whole-record-latest"
    case clockAsOrder = "clock-as-order"
    case policyByLocalRevision = "policy-by-local-revision"
    case tornTransaction = "torn-transaction"
    case tokenBeforeApply = "token-before-apply"
    case passOverPage = "pass-over-page"
    case dropLastOfPage = "drop-last-of-page"
    // The branch's sending
    case starveUrgent = "starve-urgent"
    case lanesSwapped = "lanes-swapped"
    case reversedInLane = "reversed-in-lane"
    case resumeFromStart = "resume-from-start"
    case deafToTime = "deaf-to-time"
    // The hub
    case receiptBeforeCommit = "receipt-before-commit"
    case lieInReceipt = "lie-in-receipt"
    case receiptForGap = "receipt-for-gap"
    case applyTwice = "apply-twice"
    case positionBeforeCommit = "position-before-commit"
    case sessionUnchecked = "session-unchecked"
    case quarantineCounts = "quarantine-counts"
    case holeForgotten = "hole-forgotten"
    case markTooEarly = "mark-too-early"
    case verdictOnce = "verdict-once"
    case pingForPong = "ping-for-pong"
    // Stores that were put back or copied
    case contextsVerbatim = "contexts-verbatim"
    case epochKept = "epoch-kept"
    // What is let go of, and who is let in no more
    case revokedCounts = "revoked-counts"
    case purgeLeavesTables = "purge-leaves-tables"
    case pruneUnbacked = "prune-unbacked"
    case pruneNothing = "prune-nothing"

    /// What goes wrong in the worlds in which it is looked for, beside what goes wrong in all.
    var kinds: [FaultKind] {
        switch self {
        case .contextsVerbatim: [.copies]
        case .epochKept: [.hubs]
        case .revokedCounts: [.revocations]
        case .purgeLeavesTables, .pruneNothing: [.retention]
        case .pruneUnbacked: [.retention, .hubs]
        default: []
        }
    }

    var words: String {
        switch self {
        case .contextAtSave: "a save covers what came in after the record was opened"
        case .contextEmpty: "a save covers nothing, not even what its author was shown"
        case .savedBeforeCommit: "people are told that something is saved which the disk then refuses"
        case .dedupeBySequence: "of two versions with the same sequence one is taken for the other"
        case .wholeRecordLatest: "of a record only the latest version is kept"
        case .clockAsOrder: "of a field only the value with the latest time is kept"
        case .policyByLocalRevision: "an older program merges by the form's revision that it knows"
        case .tornTransaction: "what a transaction wrote before the disk was full stays"
        case .tokenBeforeApply: "the feed's token is stored before its versions are"
        case .passOverPage: "a page of the feed for which there was no room is passed over by the next one"
        case .dropLastOfPage: "the last version of a page of the feed is forgotten"
        case .starveUrgent: "urgent versions wait until nothing else waits"
        case .lanesSwapped: "the routine lane goes first"
        case .reversedInLane: "the versions of a batch are sent in the reverse order"
        case .resumeFromStart: "each connection sends everything again"
        case .deafToTime: "a connection on which nothing is heard is never given up"
        case .receiptBeforeCommit: "the hub receipts before it has committed"
        case .lieInReceipt: "the hub receipts what its disk has refused"
        case .receiptForGap: "the hub receipts as far as the branch says, not as far as it holds"
        case .applyTwice: "the hub takes a batch into its journal twice"
        case .positionBeforeCommit: "positions are given before the commit, and the feed passes over some"
        case .sessionUnchecked: "a connection that was replaced may still write"
        case .quarantineCounts: "what is quarantined counts all the same"
        case .holeForgotten: "seeing a later version counts as having seen one that is held back"
        case .markTooEarly: "a Mark says that all is fed when some is not"
        case .verdictOnce: "a verdict is sent once, whether it arrives or not"
        case .pingForPong: "an answer to a ping is answered"
        case .contextsVerbatim: "what is written again after a fork covers what the old names mean now"
        case .epochKept: "a hub that was put back goes on as if it had not been"
        case .revokedCounts: "what a revoked device hands over counts"
        case .purgeLeavesTables: "what a purge takes out of the journal stays in force"
        case .pruneUnbacked: "a branch lets go of what no backup of the hub holds"
        case .pruneNothing: "a branch keeps everything for ever"
        }
    }

    /// What is switched on in the stores.
    var defects: MemoryDefects {
        switch self {
        case .dedupeBySequence: .sequenceAlone
        case .wholeRecordLatest: .wholeRecord
        case .clockAsOrder: .clockOrder
        case .tornTransaction: .noRollback
        case .applyTwice: .appliedTwice
        case .sessionUnchecked: .sessionUnchecked
        case .quarantineCounts: .quarantineCounts
        case .holeForgotten: .holeForgotten
        case .contextsVerbatim: .contextsVerbatim
        case .epochKept: .epochKept
        case .revokedCounts: .revokedCounts
        case .purgeLeavesTables: .purgeLeavesTables
        case .pruneUnbacked: .pruneUnbacked
        default: []
        }
    }
}
