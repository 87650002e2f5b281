package import Forms
package import SyncCore
package import SyncStore

/// What was typed as `field=value ...`: read by the same rules as a row of a sheet.
package enum SheetEntry {
    /// - Parameters:
    ///   - pairs: names as in the form or its sheets; `recorded_at` may say when the entry was made.
    ///   - isKnown: whether a record is there already; then what it says need not be said again.
    /// - Returns: the row, or why it was refused.
    /// - Throws: `Failure` when a key is missing or a name unknown; ``SheetError`` when one stands there
    ///   twice.
    package static func read(
        _ pairs: [(name: String, value: String)], form: CompiledForm, now: Milliseconds,
        isClockTrusted: Bool = true, isKnown: (RecordKey) throws -> Bool = { _ in false }
    ) throws -> Result<SheetRow, RefusedEntry> {
        let layout: SheetLayout
        do {
            layout = try SheetLayout(
                header: pairs.map { Array($0.name.utf8)[...] }, form: form.definition, map: HeaderMap(),
                file: "")
        } catch let error as SheetError where error.code == .missingColumn {
            let keys = form.definition.keys.map { "\($0.name)=" }.joined(separator: " ")
            let missing = form.definition.keys.first { key in
                error.subject == key.headings?.first ?? key.name
            }
            let name = missing?.name ?? error.subject
            throw Failure(
                .usage,
                Words(
                    "\(name)= is missing; \(form.definition.form) needs \(keys)",
                    zh: "缺少 \(name)=；\(form.definition.form) 须填写 \(keys)"))
        } catch let error as SheetError where error.code == .columnTwice {
            throw Failure(
                .usage,
                Words(
                    "\(error.subject) is given twice; give each field once",
                    zh: "\(error.subject) 写了两次；每个字段只写一次"))
        }
        if let unknown = layout.unknown.first {
            let known =
                form.definition.keys.map(\.name)
                + form.definition.fields.filter { $0.hidden != true }.map(\.name)
            let names = known.joined(separator: " ")
            if SheetLayout.isHidden(unknown, in: form.definition) {
                throw Failure(
                    .usage,
                    Words(
                        "\(form.definition.form) does not ask for \(Output.printable(unknown)) any more: "
                            + "leave it out. Its fields are: \(names)",
                        zh: "\(form.definition.form) 已停用 \(Output.printable(unknown))：请勿填写。可用字段：\(names)"))
            }
            let hint = Typo.closest(to: unknown, among: known).map {
                Words("; did you mean \($0)? ", zh: "；是否想写 \($0)？")
            }
            let link = hint ?? Words(". ", zh: "。")
            throw Failure(
                .usage,
                Words(
                    "\(form.definition.form) has no field \(Output.printable(unknown))\(link.en)"
                        + "Its fields are: \(names)",
                    zh: "\(form.definition.form) 没有字段 \(Output.printable(unknown))\(link.zh)"
                        + "可用字段：\(names)"))
        }
        let record = SheetRecord(
            number: 1, line: 1, cells: pairs.map { Array($0.value.utf8)[...] }, isBlank: false)
        var reader = SheetRowReader(
            form: form, layout: layout, file: 0, now: now, isClockTrusted: isClockTrusted)
        let key = reader.key(of: record)
        if try isKnown(key) { reader.known = [key] }
        let read = reader.read([record])
        if let row = read.rows.first { return .success(row) }
        return .failure(RefusedEntry(errors: read.errors))
    }
}

extension SheetEntry {
    /// Adds today as the day of a record when the person named none, and the clock can be believed.
    ///
    /// - Parameter moment: the times that the entry would be written under.
    /// - Throws: `Failure` that asks for the day when the clock does not fit the hub's.
    package static func withDay(
        _ pairs: [(name: String, value: String)], form: CompiledForm, clock: AuthoringClock,
        moment: AuthoringMoment
    ) throws -> [(name: String, value: String)] {
        guard let day = form.definition.day,
            let key = form.definition.keys.first(where: { $0.name == day.key })
        else { return pairs }
        let names = [key.name, key.labels.zh, key.labels.en] + (key.headings ?? [])
        if pairs.contains(where: { pair in names.contains { $0.utf8.elementsEqual(pair.name.utf8) } }) {
            return pairs
        }
        let example = "\(key.name)=2020-02-03"
        guard clock.lastHubTime != nil, moment.isTrusted else {
            throw Failure(
                .usage,
                Words(
                    "which day? This machine's clock (\(form.zone.text(clock.now))) does not fit the "
                        + "hub's, so "
                        + "today is not known: write \(key.name)=, such as \(example), and set the clock",
                    zh: "请写明日期：本机时钟（\(form.zone.text(clock.now))）与汇总端不符，无法确定今天的日期。"
                        + "请写 \(key.name)=，例如 \(example)，并校准时钟"))
        }
        return pairs + [(key.name, CivilDay.text(form.zone.day(of: moment.time)))]
    }
}

/// Why what was typed was refused.
package struct RefusedEntry: Error, Sendable, Hashable {
    package var errors: [RowError]
}
