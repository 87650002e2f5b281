import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// A store that was looked through.
struct StoreLook {
    let path: String
    let store: StoreAtHand
    let result: StoreVerification
    /// SHA-256 of the key of the hub that it belongs to, or is.
    let hub: Digest
    let times: TimeText

    init(_ path: String) throws {
        self.path = path
        store = try StoreAtHand(path, hashing: .sha256, verifying: .p256)
        times = store.times()
        switch store {
        case .agent(let agent):
            hub = try agent.configuration()?.hub ?? .zero
            result = try agent.verify()
        case .hub(let store):
            hub = try store.knownHub()
            result = try store.verify()
        }
    }

    var side: Words {
        switch store {
        case .agent: Words("branch", zh: "支部")
        case .hub: Words("hub", zh: "汇总端")
        }
    }
}

/// What looking through stores came to.
struct VerifyReport: Encodable {
    struct Store: Encodable {
        struct Journal: Encodable {
            var origin: String
            var lane: String
            var from: UInt64
            var last: UInt64
            var head: String
        }

        var path: String
        var side: String
        var hub: String
        var versions: Int
        var seals: Int
        var receipts: Int
        /// Of which only hashes are left of some values, or of all.
        var purged: Int
        /// Missing for ever, as the hub's own old receipts say.
        var holes: UInt64
        var journals: [Journal]
        fileprivate var words: Words

        private enum CodingKeys: String, CodingKey {
            case path, side, hub, versions, seals, receipts, purged, holes, journals
        }
    }

    struct Damage: Encodable {
        var path: String
        var kind: String
        var origin: String?
        var first: UInt64?
        var last: UInt64?
        var form: String?
        var key: [String]?
        /// UTC.
        var authored: String?
        var part: String
        fileprivate var local: String?
    }

    var kind = "stores"
    var stores: [Store] = []
    var damages: [Damage] = []
    /// Beyond those that are listed.
    var more = 0
    private var found: [(path: String, damage: StoreVerification.Damage, times: TimeText)] = []

    private enum CodingKeys: String, CodingKey { case kind, stores, damages, more }

    mutating func take(_ look: StoreLook, pinned: Digest?) throws {
        if let pinned, pinned != look.hub { throw VerifyWords.failure(for: ProofDefect(.otherHub)) }
        let result = look.result
        stores.append(
            Store(
                path: look.path, side: look.side.en, hub: look.hub.description, versions: result.versions,
                seals: result.seals, receipts: result.receipts, purged: result.purged, holes: result.holes,
                journals: result.journals.map {
                    .init(
                        origin: RecordText.origin($0.origin), lane: "\($0.lane)", from: $0.from,
                        last: $0.last, head: $0.head.description)
                }, words: look.side))
        found += result.damages.map { (look.path, $0, look.times) }
        more += result.more
    }

    /// Whether two stores hold the same journals, as far as both hold them.
    mutating func compare(_ first: StoreLook, _ second: StoreLook) throws {
        guard first.hub == second.hub else { throw VerifyWords.failure(for: ProofDefect(.otherHub)) }
        for (own, other) in [(first, second), (second, first)] {
            for journal in own.result.journals {
                guard let theirs = other.result.journals.first(where: { $0.origin == journal.origin }),
                    theirs.last <= journal.last, theirs.last + 1 >= journal.from,
                    theirs.last < journal.last || own.path == first.path
                else { continue }
                if try own.store.head(of: journal.origin, at: theirs.last) != theirs.head {
                    add(own, journal.origin, theirs.last, .altered, "the head is another in \(other.path)")
                }
            }
        }
        for (branch, hub) in [(first, second), (second, first)] {
            guard case .agent(let agent) = branch.store, case .hub(let store) = hub.store else { continue }
            let epoch = try store.epoch
            for receipt in try agent.receipts() where receipt.epoch == epoch {
                let said = receipt.receipt
                let head = try hub.store.head(of: said.origin, at: said.sequence)
                if head == nil {
                    add(hub, said.origin, said.sequence, .dropped, "it is receipted in \(branch.path)")
                } else if head != said.head {
                    add(hub, said.origin, said.sequence, .altered, "it is receipted in \(branch.path)")
                }
            }
        }
    }

    private mutating func add(
        _ look: StoreLook, _ origin: OriginID, _ sequence: UInt64, _ kind: StoreVerification.Kind,
        _ part: String
    ) {
        found.append(
            (
                look.path, StoreVerification.Damage(kind, origin, sequence...sequence, part: part),
                look.times
            ))
    }

    mutating func finish(_ masking: Masking) {
        damages = found.map { path, damage, times in
            Damage(
                path: path, kind: damage.kind.rawValue, origin: damage.origin.map(RecordText.origin),
                first: damage.sequences?.lowerBound, last: damage.sequences?.upperBound,
                form: damage.key.map { Masking.clean($0.form) }, key: damage.key.map(masking.text),
                authored: damage.authored.map(RecordText.time), part: Masking.clean(damage.part),
                local: damage.authored.map(times.text))
        }
    }

    /// How the program ends; nil when everything holds.
    var status: ExitStatus? {
        guard let first = found.first?.damage.kind else { return nil }
        return switch first {
        case .seal: .forgedSeal
        case .receipt: .forgedReceipt
        default: .altered
        }
    }

    func lines() -> [String] {
        var lines = stores.map { store in
            let purged =
                store.purged == 0
                ? Words("", zh: "")
                : Words(
                    ", \(store.purged) of them in part by hashes, since values were purged",
                    zh: "，其中 \(store.purged) 条因部分内容已清除而只凭哈希核对")
            let holes =
                store.holes == 0
                ? Words("", zh: "")
                : Words(", \(store.holes) missing as receipts say", zh: "，另有 \(store.holes) 条凭回执确认缺失")
            return Words(
                "\(store.words.en) \(store.path): \(store.versions) entries in \(store.journals.count) "
                    + "journals, \(store.seals) seals, \(store.receipts) receipts\(purged.en)\(holes.en)",
                zh: "\(store.words.zh) \(store.path)：\(store.journals.count) 份日志共 \(store.versions) 条，"
                    + "签封 \(store.seals) 个，回执 \(store.receipts) 个\(purged.zh)\(holes.zh)"
            ).text()
        }
        if damages.isEmpty {
            return lines + [
                Words(
                    "every journal holds: no entry was altered, dropped or put in. The tables that boards "
                        + "and exports read are made from the journals and were not looked at",
                    zh: "各份日志全部无误：没有条目被改动、删除或插入。看板和导出所用的表由日志生成，未作检查"
                ).text()
            ]
        }
        lines.append("")
        lines += damages.map { words(for: $0).text() }
        if more > 0 { lines.append(Words("and \(more) more", zh: "另有 \(more) 处").text()) }
        lines.append(
            Words(
                "change nothing in the folder, make a copy of it, and show this to whoever helps you",
                zh: "请勿改动该目录，先复制一份，并告知技术人员"
            ).text())
        return lines
    }

    private func words(for damage: Damage) -> Words {
        let (en, zh) = VerifyReport.names[damage.kind] ?? (damage.kind, damage.kind)
        var place = damage.origin ?? ""
        if let first = damage.first, let last = damage.last {
            place += first == last ? "/\(first)" : "/\(first)-\(last)"
        }
        let record = [damage.form ?? "", (damage.key ?? []).joined(separator: " ")]
            .joined(separator: " ").trimmed
        let of = record.isEmpty ? "" : " (\(record)\(damage.local.map { ", \($0)" } ?? ""))"
        let kept = place.isEmpty ? Words("the store", zh: "数据") : Words("entry \(place)", zh: "条目 \(place)")
        return Words(
            "\(damage.path): \(kept.en)\(of) \(en) [\(damage.part)]",
            zh: "\(damage.path)：\(kept.zh)\(of) \(zh) [\(damage.part)]")
    }

    private static let names: [String: (String, String)] = [
        "altered": ("was altered", "被改动"), "dropped": ("is missing", "缺失"),
        "inserted": ("was put in", "系后加"), "moved": ("is not in its place", "位置被调换"),
        "seal": ("bears a forged seal", "签封系伪造"), "receipt": ("bears a forged receipt", "回执系伪造"),
    ]
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
