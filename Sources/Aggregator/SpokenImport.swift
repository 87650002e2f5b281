import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// Takes in a version that a branch reads out over the telephone; a hub that serves may go on meanwhile.
struct SpokenImport {
    let folder: HubFolder

    private struct Taken: Encodable {
        var device: Int64
        var unit: String
        var form: String
        var key: String
        /// False when it had come before.
        var isNew: Bool
        /// The digits to read back.
        var answer: String
    }

    private struct Opened {
        var device: DeviceInfo
        var version: Version
        var answer: SpokenAnswer
    }

    func run(_ path: String, json: Bool) throws {
        let keys = [try folder.key()] + (try folder.formerKeys())
        let store = try folder.open()
        try folder.requireRevocations(of: store)
        let bytes = path == "-" ? try typed() : try written(path)
        let opened = try open(bytes, keys, store)
        let version = opened.version
        let isNew: Bool
        switch try store.takeSpoken(
            version, from: opened.device.id,
            clock: AuthoringClock(now: HubFolder.milliseconds(), isTrusted: true))
        {
        case .success(.taken): isNew = true
        case .success(.known): isNew = false
        case .success(.refused(let reason)):
            let words = ReasonWords.words(for: reason)
            throw Failure(
                .someRefused,
                Words("nothing was taken: \(words.en) [\(reason)]", zh: "未收取：\(words.zh)〔\(reason)〕"))
        case .failure(let refuse):
            try store.record(
                act: "spoken",
                detail: "refused: device \(opened.device.id), \(refuse.code.rawValue) \(refuse.words)",
                now: HubFolder.milliseconds())
            let words = RefusalWords.words(for: refuse)
            throw Failure(
                .refusedByHub,
                Words(
                    "nothing was taken of device \(opened.device.id): \(words.en)",
                    zh: "未收取设备 \(opened.device.id) 的内容：\(words.zh)"))
        }
        let taken = Taken(
            device: opened.device.id, unit: opened.device.unit, form: version.key.form,
            key: RecordText.text(version.key), isNew: isNew, answer: opened.answer.text)
        if json { return try Output.json(taken) }
        tell(taken)
    }

    private func tell(_ taken: Taken) {
        let name = "\(Output.printable(taken.form)) \(taken.key)"
        let unit = Output.printable(taken.unit)
        Output.line(
            taken.isNew
                ? Words(
                    "\(name) of \(unit), device \(taken.device), stands now",
                    zh: "已收取 \(unit) 设备 \(taken.device) 的 \(name)，即刻生效")
                : Words(
                    "\(name) of \(unit), device \(taken.device), had come before; it counts once",
                    zh: "先前已收到 \(unit) 设备 \(taken.device) 的 \(name)；只计一次"))
        Output.line(Words("read this back: \(taken.answer)", zh: "请念回：\(taken.answer)"))
    }

    // MARK: - Lines

    /// Says of each line that is wrong which one, and goes on until all are there.
    private func typed() throws -> [UInt8] {
        var reader = SpokenText.Reader()
        var count = 0
        while let line = readLine() {
            count += 1
            do {
                _ = try reader.take(line)
            } catch {
                Output.remark(SpokenImport.words(for: error, line: line, count))
                continue
            }
            if let bytes = reader.bytes { return bytes }
        }
        throw SpokenImport.incomplete(reader.missing)
    }

    private func written(_ path: String) throws -> [UInt8] {
        var reader = SpokenText.Reader()
        let text = String(decoding: try Files.read(path), as: UTF8.self)
        for (place, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            do {
                _ = try reader.take(line)
            } catch {
                Output.remark(SpokenImport.words(for: error, line: String(line), place + 1))
            }
        }
        guard let bytes = reader.bytes else { throw SpokenImport.incomplete(reader.missing) }
        return bytes
    }

    private static func words(for fault: SpokenText.Fault, line: String, _ count: Int) -> Words {
        let digits = line.filter { $0.isNumber }.prefix(2)
        let name = Words(
            "line \(count)" + (digits.isEmpty ? "" : ", which begins with \(digits),"),
            zh: "第 \(count) 行" + (digits.isEmpty ? "" : "（以 \(digits) 开头）"))
        switch fault {
        case .notDigits:
            return name.joined(
                Words(" has something else than digits in it; type it again", zh: "含有数字以外的字符；请重新录入"))
        case .length(let count):
            return name.joined(
                Words(
                    " has \(count) digits, where \(SpokenText.lineDigits) were said, or fewer in the last "
                        + "line; type it again",
                    zh: "有 \(count) 位数字，而每行应为 \(SpokenText.lineDigits) 位（末行可较少）；请重新录入"))
        case .check:
            return name.joined(
                Words(" does not add up; have it read again", zh: "校验不符；请对方重念此行"))
        }
    }

    private static func incomplete(_ missing: [Int]) -> Failure {
        let names = missing.map { String(format: "%02d", $0) }.joined(separator: ", ")
        return Failure(
            .noInput,
            Words(
                "lines are missing or wrong: \(names). Nothing was taken; have them read again",
                zh: "缺少或有误的行：\(names)。未收取任何内容；请对方重念"))
    }

    // MARK: - What they say

    private func open(_ bytes: [UInt8], _ keys: [DeviceKey], _ store: SQLiteHubStore) throws -> Opened {
        var isHintKnown = false
        for known in try store.deviceKeys() where SpokenSeal.mayBe(bytes, of: known.publicKey) {
            isHintKnown = true
            let opened = try keys.lazy.compactMap { key in
                try SpokenSeal(device: known.publicKey, hub: key.publicKey, own: key).open(bytes)
            }.first
            guard let (body, answer) = opened else { continue }
            guard let version = try? SpokenEntry.decode(body),
                let device = try store.devices().first(where: { $0.id == known.device })
            else {
                throw Failure(
                    .noInput,
                    Words(
                        "what was read out does not read; update this program",
                        zh: "念读的内容无法读取；请升级本程序"))
            }
            return Opened(device: device, version: version, answer: answer)
        }
        let now = HubFolder.milliseconds()
        try store.record(act: "spoken", detail: "refused: no device of this hub wrote it", now: now)
        guard isHintKnown else {
            throw Failure(
                .otherHub,
                Words(
                    "no device of this hub wrote this: it is for another hub. Nothing was taken",
                    zh: "并非本汇总端任何设备所写：应属于另一个汇总端。未收取任何内容"))
        }
        throw Failure(
            .altered,
            Words(
                "each line adds up, but not all of them together: they are of two texts, or for another "
                    + "hub or a key that this one has lost. Nothing was taken; have all lines read again. If "
                    + "that does not help, have the branch say in words what it is, and enter it here",
                zh: "各行校验相符，但合起来不符：可能混入另一份内容，或属于另一个汇总端，或属于本汇总端已遗失的密钥。"
                    + "未收取任何内容；请对方全部重念。若仍不符，请对方口述内容，在此处填写"))
    }
}
