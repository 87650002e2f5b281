package import Forms
import SyncCore

/// What each column of a sheet is to a form.
package struct SheetLayout: Sendable {
    package enum Target: Sendable, Hashable {
        case key(Int)
        /// A place in the form's list of fields.
        case field(Int)
        case recorded
        case corrected
        /// Nothing this form knows.
        case unknown
    }

    package let targets: [Target]
    /// The headings as they stand in the sheet.
    package let headings: [String]

    /// Columns that the form does not know and that are left out.
    package var unknown: [String] {
        zip(headings, targets).filter { $0.1 == .unknown && !$0.0.isEmpty }.map(\.0)
    }

    /// What a heading that the form does not know was probably meant to be.
    package static func suggestion(for heading: String, in form: FormDefinition) -> String? {
        if isHidden(heading, in: form) { return nil }
        let keys = form.keys.flatMap { [$0.name, $0.labels.zh] + ($0.headings ?? []) }
        let fields = form.fields.filter { $0.hidden != true }.flatMap {
            [$0.name, $0.labels.zh] + ($0.headings ?? [])
        }
        let times = form.times.map { $0.recorded + $0.corrected } ?? []
        return Typo.closest(to: heading, among: keys + fields + times)
    }

    /// Whether a heading is that of a field which the form hides.
    package static func isHidden(_ heading: String, in form: FormDefinition) -> Bool {
        form.fields.contains { field in
            let names = [field.name, field.labels.zh, field.labels.en] + (field.headings ?? [])
            return field.hidden == true && names.contains { $0.utf8.elementsEqual(heading.utf8) }
        }
    }

    /// - Throws: ``SheetError`` when a key has no column or something has two.
    package init(header: [ArraySlice<UInt8>], form: FormDefinition, map: HeaderMap, file: String) throws {
        let names = header.map { map.translated(Array(CellText.trimmed($0))) }
        targets = names.map { SheetLayout.target(of: $0, in: form) }
        headings = header.map { String(decoding: CellText.trimmed($0), as: UTF8.self) }
        for (index, target) in targets.enumerated() where target != .unknown {
            if targets[..<index].contains(target) {
                throw SheetError(.columnTwice, subject: headings[index], file: file)
            }
        }
        for (index, key) in form.keys.enumerated() where !targets.contains(.key(index)) {
            var error = SheetError(.missingColumn, subject: key.headings?.first ?? key.name, file: file)
            error.headings = headings.filter { !$0.isEmpty }
            throw error
        }
    }

    package func column(of target: Target) -> Int? { targets.firstIndex(of: target) }

    private static func target(of name: [UInt8], in form: FormDefinition) -> Target {
        func matches(_ candidates: [String]) -> Bool {
            candidates.contains { $0.utf8.elementsEqual(name) }
        }
        if let times = form.times {
            if matches(times.recorded) { return .recorded }
            if matches(times.corrected) { return .corrected }
        }
        if let key = form.keys.firstIndex(where: { matches([$0.name] + ($0.headings ?? [])) }) {
            return .key(key)
        }
        if let field = form.fields.firstIndex(where: {
            $0.hidden != true && matches([$0.name] + ($0.headings ?? []))
        }) {
            return .field(field)
        }
        if let key = form.keys.firstIndex(where: { matches([$0.labels.zh, $0.labels.en]) }) {
            return .key(key)
        }
        if let field = form.fields.firstIndex(where: {
            $0.hidden != true && matches([$0.labels.zh, $0.labels.en])
        }) {
            return .field(field)
        }
        return .unknown
    }
}

/// Names that a person gave to columns: CSV with the form's name first and the sheet's heading second.
package struct HeaderMap: Sendable {
    private var names: [[UInt8]: [UInt8]] = [:]

    package init() {}

    /// - Throws: ``SheetError`` when a row has not two cells.
    package init(_ bytes: [UInt8], file: String) throws {
        for record in try Sheet(bytes).records where !record.isBlank {
            guard record.cells.count == 2 else {
                throw SheetError(.badMap, subject: String(record.line), file: file)
            }
            names[Array(CellText.trimmed(record.cells[1]))] = Array(CellText.trimmed(record.cells[0]))
        }
    }

    package func translated(_ heading: [UInt8]) -> [UInt8] { names[heading] ?? heading }
}
