import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// What came of a carried file.
struct CarriedResult: Encodable {
    var device: Int64
    var unit: String
    /// Versions that are new here, and those that had come before.
    var taken: Int
    var known: Int
    /// Of the new ones: set aside with a reason.
    var quarantined: Int
    /// The file for the device.
    var answer: String
    /// Why some could not be taken; empty when all were.
    var refused: [String]
    fileprivate var words: [Words] = []

    private enum CodingKeys: String, CodingKey {
        case device, unit, taken, known, quarantined, answer, refused
    }
}

/// Takes a carried file in, batch by batch, through the same ingest that connections use; a hub that serves
/// may go on meanwhile.
struct CarriedImport {
    let folder: HubFolder
    let path: String
    let answer: String

    func run() throws -> CarriedResult {
        let keys = [try folder.key()] + (try folder.formerKeys())
        let store = try folder.open()
        try folder.requireRevocations(of: store)
        let now = HubFolder.milliseconds()
        let sender: [UInt8]
        let carried: CarriedBatches
        let file = try Files.read(path)
        // A branch without a link may not know of the present key: it believes the one that it wrote to.
        let key = keys.first { Envelope.isFor($0, file, .batches) } ?? keys[0]
        do {
            let body: [UInt8]
            (sender, body) = try Envelope.open(file, .batches, with: key)
            carried = try CarriedFile.decode(batches: body)
        } catch let error as Envelope.Failure {
            try note(error == .forAnother ? "for another hub" : "altered or none", in: store, now)
            throw failure(for: error)
        } catch is WireError {
            try note("altered", in: store, now)
            throw failure(for: .broken)
        }
        let session = try admit(carried, sender, store, now)
        guard let device = try store.devices().first(where: { $0.id == session.device }) else {
            throw StoreError(.corrupt, "an admitted device is gone")
        }
        var result = CarriedResult(
            device: device.id, unit: device.unit, taken: 0, known: 0, quarantined: 0, answer: answer,
            refused: [])
        let fresh = try take(carried.batches, session, store, now, &result)
        let origins = carried.origins.map {
            $0.claim.derivation(publicKey: sender, hashing: .sha256).originID
        }
        var first: [OriginID: UInt64] = [:]
        for batch in carried.batches { first[batch.origin] = min(first[batch.origin] ?? .max, batch.first) }
        let said = try store.answer(of: origins, from: first, now: now)
        // The answer also says again what was found out about versions that had come before.
        let aside = said.verdicts.filter { verdict in
            verdict.kind == .quarantined
                && fresh[verdict.dot.origin]?.contains { $0.contains(verdict.dot.sequence) } == true
        }
        result.quarantined = Set(aside.map(\.dot)).count
        let bytes = try Envelope.close(CarriedFile.encode(said), .answer, from: key, to: sender)
        try Files.write(bytes, to: answer)
        return result
    }

    private func admit(
        _ carried: CarriedBatches, _ sender: [UInt8], _ store: SQLiteHubStore, _ now: Milliseconds
    ) throws -> SessionRef {
        switch try store.admitCarried(carried.origins, publicKey: sender, now: now) {
        case .success(let session): return session
        case .failure(let refuse):
            try note("\(refuse.code.rawValue) \(refuse.words)", of: sender, in: store, now)
            let words = RefusalWords.words(for: refuse)
            throw Failure(
                .refusedByHub,
                Words("\(path) was not taken: \(words.en)", zh: "未收取 \(path)：\(words.zh)"))
        }
    }

    /// Who tried to hand something in that was not taken is written down like whoever connects.
    private func note(
        _ why: String, of sender: [UInt8] = [], in store: SQLiteHubStore, _ now: Milliseconds
    ) throws {
        let key = sender.isEmpty ? "" : "; key \(Hashing.sha256(sender).short)"
        try store.record(act: "carried", detail: "refused: \(why)\(key)", now: now)
    }

    /// - Returns: the sequences that are new here.
    private func take(
        _ batches: [VersionBatch], _ session: SessionRef, _ store: SQLiteHubStore, _ now: Milliseconds,
        _ result: inout CarriedResult
    ) throws -> [OriginID: [ClosedRange<UInt64>]] {
        var taken: [OriginID: [ClosedRange<UInt64>]] = [:]
        var stopped: Set<OriginID> = []
        for batch in batches where !stopped.contains(batch.origin) {
            let held = try store.held(batch.origin)
            let fresh = Int(clamping: batch.last - min(batch.last, max(held, batch.first - 1)))
            if fresh == 0, let there = try store.head(of: batch.origin, at: batch.last),
                ShortDigest(there) != batch.after
            {
                stopped.insert(batch.origin)
                refuse(CarriedImport.fork, batch, &result)
                continue
            }
            result.known += batch.count - fresh
            if fresh == 0 { continue }
            // One that was cut differently when some of it came before: the rest is taken by itself.
            let part = held >= batch.first ? Submission.Part((held + 1)...batch.last) : nil
            let outcome = try store.ingest(
                [Submission(session: session, batch: batch, part: part)], now: now
            ).first
            let refusal: Words?
            switch outcome {
            case .held: refusal = nil
            case .gap(let gap):
                refusal = Words(
                    "entries from \(gap.wanted) on are missing: take the files in that were written earlier",
                    zh: "缺少自第 \(gap.wanted) 条起的内容：请先导入更早的文件")
            case .fork: refusal = CarriedImport.fork
            case .refused(let refuse): refusal = RefusalWords.words(for: refuse)
            case nil: refusal = Words("nothing came of it", zh: "未能处理")
            }
            guard let refusal else {
                result.taken += fresh
                taken[batch.origin, default: []].append(max(held + 1, batch.first)...batch.last)
                continue
            }
            stopped.insert(batch.origin)
            refuse(refusal, batch, &result)
        }
        return taken
    }

    private static let fork = Words(
        "the hub holds another journal of this device: its folder was restored or copied; it "
            + "has to connect once",
        zh: "汇总端所存的该设备日志与此不同：其目录曾被恢复或复制；该设备须联网一次")

    private func refuse(_ words: Words, _ batch: VersionBatch, _ result: inout CarriedResult) {
        result.refused.append("\(RecordText.origin(batch.origin))/\(batch.first): \(words.en)")
        result.words.append(words)
    }

    private func failure(for error: Envelope.Failure) -> Failure {
        switch error {
        case .notOne:
            Failure(
                .noInput,
                Words(
                    "\(path) is no carried file, or was cut short; `branch-agent carry` writes one",
                    zh: "\(path) 不是带来的文件，或不完整；请用 branch-agent carry 生成"))
        case .forAnother:
            Failure(
                .otherHub,
                Words(
                    "\(path) is for another hub, or for a key that this hub has lost: it cannot be read "
                        + "here. Where the key was lost, the branch connects once and writes it again",
                    zh: "\(path) 是给另一个汇总端的，或是给本汇总端已遗失的密钥的：此处无法读取。"
                        + "若密钥已遗失，请支部先连接一次，再重新生成"))
        case .broken:
            Failure(
                .altered,
                Words(
                    "\(path) was changed on its way, or is not from the device that it names; nothing was "
                        + "taken. Have it written again",
                    zh: "\(path) 在途中被改动，或并非所称设备所写；未收取任何内容。请重新生成"))
        }
    }
}

extension CarriedResult {
    func show(_ path: String) {
        Output.line(
            Words(
                "\(path), from device \(device) of \(Output.printable(unit)): \(taken) entries taken, "
                    + "\(known) had come before, \(quarantined) set aside; give \(answer) back to the branch",
                zh: "\(path)，来自 \(Output.printable(unit)) 的设备 \(device)：收取 \(taken) 条，先前已有 \(known) 条，"
                    + "隔离 \(quarantined) 条；请把 \(answer) 带回支部"))
        for words in words { Output.remark(words) }
    }
}
