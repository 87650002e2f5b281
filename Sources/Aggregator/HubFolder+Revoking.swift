import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

/// The revocations beside the store: a store that is put back from a backup has forgotten them.
extension HubFolder {
    private var revocationsFile: RevocationFile { RevocationFile(in: path) }

    /// All that were ever revoked, as far as the lines read, see ``unreadableRevocations()``.
    func revocations() throws -> [Revocation] { try revocationsFile.lines().compactMap(\.revocation) }

    /// How many lines do not read, and have not been settled.
    func unreadableRevocations() throws -> Int { try revocationsFile.lines().count { $0.revocation == nil } }

    /// How many the list had, and no line tells any more.
    func lostRevocations() throws -> Int { try revocationsFile.lost() }

    /// The store has forgotten nothing, and the list has all that it knows.
    func settleRevocationsEnd() throws { try revocationsFile.settleEnd() }

    func keep(_ revocation: Revocation) throws { try revocationsFile.append(revocation) }

    // MARK: - Lines that do not read

    /// What came of lines that do not read.
    struct Unread {
        /// Lines of which it is known whom they name, or that it does not matter.
        var settled = 0
        /// Devices that they name, which nothing else had revoked.
        var named = 0
        /// Lines that may name anybody, damaged or gone.
        var unknown = 0
    }

    /// Finds out whom lines may name that do not read, and keeps a revocation of these. Nobody is let in whom
    /// a line may name: one that names nobody that can be recognised is left alone where the store may have
    /// forgotten whom it had revoked.
    ///
    /// - Parameters:
    ///   - store: asked which devices there are.
    ///   - isPutBack: the store may have forgotten.
    func settleUnread(knownTo store: SQLiteHubStore, isPutBack: Bool) throws -> Unread {
        var unread = Unread()
        let file = revocationsFile
        let damaged = try file.lines().filter { $0.revocation == nil }
        let lost = try file.lost()
        // A store that has forgotten nothing knows them all.
        let knowsAll = try lost == 0 || store.revocations().count >= file.countOnce ?? .max
        if isPutBack || !knowsAll { unread.unknown = lost }
        if damaged.isEmpty { return unread }
        var kept = Set(try revocations().map(\.publicKey))
        let devices = try store.deviceMarks()
        for line in damaged {
            let named = devices.filter { line.mayName($0.publicKey, $0.origins) }
            for device in named where !kept.contains(device.publicKey) {
                let revocation = try store.revocation(
                    of: device.id, reason: "named by a damaged line of revocations.jsonl",
                    now: HubFolder.milliseconds())
                guard let revocation else { continue }
                try keep(revocation)
                kept.insert(device.publicKey)
                if !device.isRevoked { unread.named += 1 }
            }
            if named.isEmpty, isPutBack, !line.holdsKey {
                unread.unknown += 1
            } else {
                try file.setAside(line)
                unread.settled += 1
            }
        }
        if lost == 0, unread.unknown == 0 { try file.settleEnd() }
        return unread
    }

    /// Whoever opens the store to write settles them. Before anything is written there: who looks whether the
    /// store was put back looks at the end of its audit log.
    func settleUnread(in store: SQLiteHubStore, isPutBack: Bool) throws {
        guard try unreadableRevocations() > 0 || lostRevocations() > 0 else { return }
        let isPutBack = try isPutBack || store.areRevocationsDoubted() || store.isAuditEndLost()
        do {
            let unread = try settleUnread(knownTo: store, isPutBack: isPutBack)
            try note(unread, in: store)
        } catch let error as StoreError where error.isOfRoom {
            // The next one tries again, and `serve` looks for what is left.
        }
    }

    func note(_ unread: Unread, in store: SQLiteHubStore) throws {
        let now = HubFolder.milliseconds()
        if unread.unknown > 0 { try store.doubtRevocations() }
        if unread.named > 0 { _ = try store.replay(try revocations(), now: now) }
        guard unread.settled > 0 else { return }
        try store.record(
            act: "revocations_mended",
            detail: "\(unread.settled) lines could not be read; \(unread.named) devices that they name were "
                + "revoked", now: now)
    }

    /// A person has compared: whoever had to be revoked is.
    ///
    /// - Returns: how many lines are set aside.
    func settleRevocations(in store: SQLiteHubStore, reason: String) throws -> Int {
        let damaged = try revocationsFile.lines().filter { $0.revocation == nil }
        let lost = try lostRevocations()
        try store.believeRevocations(
            detail: "\(damaged.count) lines of revocations.jsonl cannot be read, \(lost) are gone: \(reason)",
            now: HubFolder.milliseconds())
        for line in damaged { try revocationsFile.setAside(line) }
        try settleRevocationsEnd()
        return damaged.count + lost
    }

    /// Before anything is taken of devices.
    ///
    /// - Throws: ``Failure`` while nobody can say who was revoked.
    func requireRevocations(of store: SQLiteHubStore) throws {
        if let words = try doubtOfRevocations(in: store) { throw Failure(.noInput, words) }
    }

    /// Nil when it is known who was revoked.
    func doubtOfRevocations(in store: SQLiteHubStore) throws -> Words? {
        guard try store.areRevocationsDoubted() else { return nil }
        return RevocationWords.unknown(try unreadableRevocations() + lostRevocations())
    }

    // MARK: - File and store

    /// Those that the store knows and the file does not: somebody removed or cut it, or the disk was full.
    func revocationsMissing(in store: SQLiteHubStore) throws -> [Revocation] {
        let kept = Set(try revocations().map(\.publicKey))
        return try store.revocations().filter { !kept.contains($0.publicKey) }
    }

    /// Tells store and file of each other's: a store that somebody copied back has forgotten whom it lets in
    /// no more, and a file may have been cut or left behind.
    ///
    /// - Returns: how many the file lacked.
    func reconcileRevocations(with store: SQLiteHubStore) throws -> Int {
        let now = HubFolder.milliseconds()
        _ = try store.replay(try revocations(), now: now)
        let missing = try revocationsMissing(in: store)
        do {
            if missing.isEmpty {
                try settleRevocationsEnd()
                return 0
            }
            for revocation in missing { try keep(revocation) }
            try settleRevocationsEnd()
            try store.record(
                act: "revocations_mended", detail: "\(missing.count) were not in revocations.jsonl", now: now)
        } catch let error as StoreError where error.isOfRoom {
            // The store knows; the next start tries again.
        }
        return missing.count
    }
}

/// What is said of a file that lacks revocations.
enum RevocationWords {
    /// Of a store that was put back.
    static func unknown(_ count: Int) -> Words {
        Words(
            "this store was put back, and \(count) lines of revocations.jsonl cannot be read or are gone: a "
                + "device that one of them names would be let in again, so nothing is taken of any device. "
                + "Put the file back from where hub.key is kept, if you have a copy; compare `aggregator "
                + "devices` with whom you revoked, and revoke again who is missing; then run `aggregator "
                + "revoke --settled --reason WHY`",
            zh: "此数据是恢复来的，而 revocations.jsonl 有 \(count) 行无法读取或已缺失：其中所列设备会被重新接受，因此暂不接收任何设备的内容。"
                + "若有副本，请从 hub.key 的备份处放回该文件；用 aggregator devices 与已撤销的设备核对，缺少的重新撤销；"
                + "然后运行 aggregator revoke --settled --reason 原因")
    }

    static func settled(_ count: Int) -> Words {
        Words(
            "\(count) lines of revocations.jsonl that cannot be read or are gone are set aside: devices are "
                + "let in again, but for those that `aggregator devices` shows as revoked",
            zh: "revocations.jsonl 中无法读取或缺失的 \(count) 行已搁置：除 aggregator devices 中已撤销的设备外，其余重新接受")
    }

    static func missing(_ count: Int) -> Words {
        Words(
            "revocations.jsonl lacked \(count) revoked devices that the store knows: it was removed or cut, "
                + "or the disk was full. Without it a backup that is put back may let them in again",
            zh: "revocations.jsonl 缺少数据中已撤销的 \(count) 台设备：文件被删除或截短，或当时磁盘已满。"
                + "缺少它时，从备份恢复可能会重新接受这些设备")
    }
}
