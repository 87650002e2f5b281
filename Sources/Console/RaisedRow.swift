package import Forms
package import SyncCore
import SyncStore

/// An alert, or another record that waits for an answer, as people and scripts read it.
package struct RaisedRow: Encodable {
    /// A short name of the record, for typing.
    package var alert: String
    package var form: String
    /// The key's values; people by their ids.
    package var key: String
    package var rule: String
    package var unit: String?
    package var status: String
    package var isUrgent: Bool
    /// What called for it; personal.
    package var facts: [String]
    /// Whose turn it is to answer, by the roster.
    package var turn: String?
    package var takenBy: String?
    package var referredTo: String?
    package var outcome: String?
    /// Who wrote that it is done.
    package var closedBy: String?
    /// Who held the posts of its unit on its day.
    package var responsible: [Responsible] = []
    /// UTC. When it began, as far as somebody has said.
    package var onset: String?
    package var entered: String
    package var arrived: String?
    /// When somebody was told first.
    package var told: String?
    /// When somebody was told last, where that was later.
    package var toldLast: String?
    package var taken: String?
    package var referred: String?
    package var closed: String?
    /// Seconds from each of these moments to the next that is known; never less than none, where two clocks
    /// differ.
    package var seconds: [String: Int64]
    /// By so many seconds the later of two moments lies before the earlier: two clocks say so; absent where
    /// none does.
    package var skew: [String: Int64]?
    /// What called for it has been corrected since.
    package var corrected: Correction?
    /// At a branch: whether its own versions have a receipt.
    package var hasArrived: Bool?
    /// At a branch: whom to ring, because it has not arrived.
    package var ring: String?

    package let recordKey: RecordKey
    /// The form's name, and what it is called in Chinese.
    private let label: Words
    package let times: Times

    package struct Times: Hashable {
        package var onset: Milliseconds?
        package var entered: Milliseconds
        package var arrived: Milliseconds?
        package var told: Milliseconds?
        package var taken: Milliseconds?
        package var referred: Milliseconds?
        package var closed: Milliseconds?
        /// The hub's own rule raised it after it had fallen due, because the hub came to it so late:
        /// ``arrived`` is when it fell due.
        package var isLate = false

        /// Each moment with its name, as far as it is known.
        var all: [(name: String, time: Milliseconds)] {
            let entering = [("entered", entered), ("arrived", arrived)]
            let all: [(String, Milliseconds?)] =
                [("onset", onset)] + (isLate ? entering.reversed() : entering)
                + [("told", told), ("taken", taken), ("referred", referred), ("closed", closed)]
            return all.compactMap { name, time in time.map { (name, $0) } }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case alert, form, key, rule, unit, status, isUrgent, facts, turn, takenBy, referredTo, outcome
        case closedBy, responsible, onset, entered, arrived, told, toldLast, taken, referred, closed, seconds,
            skew, corrected, hasArrived, ring
    }

    /// - Parameters:
    ///   - versions: of the record: when somebody was told first is said by one that others followed.
    ///   - isByHub: a rule raised it that only a hub evaluates.
    ///   - unmask: what is personal is shown as it is. Ids of people are shown in any case.
    package init(
        _ key: RecordKey, _ record: EffectiveRecord, _ raised: RaisedForm, versions: [Version], unit: String?,
        isUrgent: Bool, isByHub: Bool = false, unmask: Bool
    ) {
        func text(_ name: String) -> String? {
            raised.text(name, of: record).map { unmask ? Masking.clean($0) : Masking.mask }
        }
        func id(_ name: String) -> String? { raised.text(name, of: record).map(Masking.clean) }
        label = Words(Masking.clean(key.form), zh: Masking.clean(raised.definition.labels.zh))
        alert = RaisedRow.name(of: key)
        form = Masking.clean(key.form)
        self.key = Masking.clean(RecordText.text(key))
        rule = Masking.clean(raised.rule(of: key))
        self.unit = unit.map(Masking.clean)
        status = Masking.clean(raised.status(of: record))
        self.isUrgent = isUrgent
        facts = []
        if case .list(let items)? = record[raised.facts] {
            facts = unmask ? items.map { Masking.clean(String(decoding: $0, as: UTF8.self)) } : [Masking.mask]
        }
        (turn, takenBy) = (id("turn"), id("taken_by"))
        (referredTo, outcome) = (text("referred_to"), text("outcome"))
        func time(_ name: String) -> Milliseconds? {
            let isHidden = !unmask && raised.definition.field(named: name)?.personal ?? true
            return isHidden ? nil : raised.time(name, of: record)
        }
        let last = time("told_at")
        let first = raised.field("told_at").flatMap { field in
            versions.compactMap { $0.assignments.first { $0.field == field }?.value.integer }.min()
        }
        var times = Times(
            onset: time("onset_at"), entered: record.firstCreated, arrived: time("arrived_at"),
            told: last.map { min($0, first ?? $0) }, taken: time("taken_at"), referred: time("referred_at"),
            closed: time("closed_at"))
        // Both are the hub's own clock; the same minute is no delay.
        times.isLate =
            isByHub && times.arrived.map { times.entered.subtractingClamped($0) >= 60_000 } ?? false
        self.times = times
        onset =
            times.onset.map(RecordText.time)
            ?? (raised.time("onset_at", of: record) == nil ? nil : Masking.mask)
        toldLast = last == times.told ? nil : last.map(RecordText.time)
        entered = RecordText.time(times.entered)
        arrived = times.arrived.map(RecordText.time)
        told = times.told.map(RecordText.time)
        taken = times.taken.map(RecordText.time)
        referred = times.referred.map(RecordText.time)
        closed = times.closed.map(RecordText.time)
        seconds = [:]
        for (before, after) in zip(times.all, times.all.dropFirst()) {
            let (name, span) = (
                "\(before.name)-\(after.name)", after.time.subtractingClamped(before.time) / 1_000
            )
            seconds[name] = max(0, span)
            if span < 0 { skew = (skew ?? [:]).merging([name: -span]) { $1 } }
        }
        recordKey = key
    }

    /// The day of the record; nil where it has none.
    package func day(_ raised: RaisedForm) -> Int32? {
        raised.definition.keys.firstIndex { $0.type == .date }
            .flatMap { $0 < recordKey.values.count ? recordKey.values[$0].integer : nil }
            .map { Int32(clamping: $0) }
    }

    /// The dot of what said how it stands.
    package static func setter(_ raised: RaisedForm, _ record: EffectiveRecord) -> Dot? {
        record.fields.first { $0.field == raised.status }?.setter
    }

    /// Eight hexadecimal digits: the same for a record everywhere.
    package static func name(of key: RecordKey) -> String {
        let hash = RecordPrint.hasher(
            form: Array(key.form.utf8), key: Canonical.encode(key: key.values)
        ).value
        let digits = String((hash ^ hash >> 32) & 0xffff_ffff, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// - Parameter now: how long it waits is said as of then.
    package func lines(times text: TimeText, now: Milliseconds) -> [String] {
        let state: Words =
            switch status {
            case RaisedForm.taken: Words("taken", zh: "已接手")
            case RaisedForm.closed: Words("closed", zh: "已办结")
            default: Words("OPEN", zh: "待处理")
            }
        let what = isUrgent ? Words("urgent", zh: "紧急") : Words("routine", zh: "常规")
        let place = unit.map { " \($0)" } ?? ""
        var lines = ["\(alert)  \(state.text())  \(what.text())  \(label.text()) \(key)\(place)"]
        if !facts.isEmpty { lines.append("    " + facts.joined(separator: "; ")) }
        func called(_ name: String) -> Words {
            if times.isLate, let words = RaisedRow.lateMoments[name] { return words }
            return RaisedRow.moments[name] ?? Words(name, zh: name)
        }
        let moments = times.all.map { name, time in "\(called(name).text()) \(text.text(time))" }
        lines.append("    " + moments.joined(separator: " → "))
        // The moments above are said to the minute.
        for (before, after) in zip(times.all, times.all.dropFirst()) {
            guard let span = skew?["\(before.name)-\(after.name)"], span >= 60 else { continue }
            let (earlier, later) = (called(before.name), called(after.name))
            let words = Words(
                "clocks differ: \(later.en) stands \(span) s before \(earlier.en)",
                zh: "时钟不一致：“\(later.zh)”早于“\(earlier.zh)” \(span) 秒")
            lines.append("    " + words.text())
        }
        if times.isLate, let due = times.arrived {
            let span = TimeText.span(times.entered.subtractingClamped(due))
            let words = Words(
                "the hub noted it \(span.en) after it fell due: it was not running then, or its clock was "
                    + "set",
                zh: "到期 \(span.zh)后汇总端才记录：当时汇总端未运行，或其时钟被调整过")
            lines.append("    " + words.text())
        }
        if let corrected, status != RaisedForm.closed {
            lines.append("    " + corrected.words(text).text())
        }
        if status == RaisedForm.open {
            let span = TimeText.span(now.subtractingClamped(times.arrived ?? times.entered))
            let whose = turn.map { Words("; it is the turn of \($0)", zh: "；轮到 \($0)") }
            let words = Words("waits for \(span.en)", zh: "已等待 \(span.zh)")
            lines.append("    " + words.joined(whose ?? Words("", zh: "")).text())
        }
        if let takenBy {
            lines.append("    " + Words("taken by \(takenBy)", zh: "处置人：\(takenBy)").text())
        }
        if let referredTo {
            lines.append("    " + Words("referred to \(referredTo)", zh: "已转送：\(referredTo)").text())
        }
        if !responsible.isEmpty { lines.append("    " + Responsible.line(responsible, of: unit).text()) }
        if let closedBy {
            lines.append("    " + Words("closed by \(closedBy)", zh: "办结人：\(closedBy)").text())
        }
        if let outcome { lines.append("    " + Words("outcome: \(outcome)", zh: "处置结果：\(outcome)").text()) }
        return lines
    }

    private static let moments = [
        "onset": Words("onset", zh: "起病"), "entered": Words("entered", zh: "填报"),
        "arrived": Words("arrived", zh: "到达"), "told": Words("told", zh: "告知"),
        "taken": Words("taken", zh: "接手"), "referred": Words("referred", zh: "转送"),
        "closed": Words("closed", zh: "办结"),
    ]

    /// What two of them are where the hub came late.
    private static let lateMoments = [
        "arrived": Words("fell due", zh: "到期"), "entered": Words("noted", zh: "记录"),
    ]

    /// What is urgent and open first, then the oldest.
    package static func precedes(_ left: RaisedRow, _ right: RaisedRow) -> Bool {
        func rank(_ row: RaisedRow) -> (Int, Int, Milliseconds, String) {
            let states = [RaisedForm.open: 0, RaisedForm.taken: 1]
            return (
                states[row.status] ?? 2, row.isUrgent ? 0 : 1, row.times.arrived ?? row.times.entered,
                row.alert
            )
        }
        return rank(left) < rank(right)
    }
}
