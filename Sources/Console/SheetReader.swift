import Forms
import Foundation

/// One data record of a sheet: its number from 1, the physical line on which it begins, its cells as UTF-8.
package struct SheetRecord: Sendable {
    package var number: Int
    /// The header is line 1.
    package var line: Int
    package var cells: [ArraySlice<UInt8>]

    /// Nothing but blanks: a line of commas.
    package var isBlank: Bool

    package init(number: Int, line: Int, cells: [ArraySlice<UInt8>], isBlank: Bool) {
        self.number = number
        self.line = line
        self.cells = cells
        self.isBlank = isBlank
    }

    package static func isBlank(_ cell: ArraySlice<UInt8>) -> Bool { CellText.trimmed(cell).isEmpty }
}

/// A table as branches send it: CSV in UTF-8 (with a byte order mark or without) or GBK.
package struct Sheet: Sendable {
    package var header: [ArraySlice<UInt8>]
    package var records: [SheetRecord]

    /// - Throws: ``SheetError`` when the bytes are in neither encoding or there is no header.
    package init(_ bytes: [UInt8]) throws {
        guard bytes.count <= Sheet.largest else { throw SheetError(.tooLarge) }
        let text = try Sheet.utf8(bytes)
        var reader = CSVReader(text)
        guard let first = reader.next(), !first.isBlank else { throw SheetError(.noHeader) }
        header = first.cells.map(CellText.unguarded)
        records = []
        while var record = reader.next() {
            record.cells = record.cells.map(CellText.unguarded)
            records.append(record)
        }
    }

    /// Bytes of a file that are read at most.
    static let largest = 256 << 20
    /// GB18030, of which GBK is a part, as Foundation numbers it.
    private static let chinese = String.Encoding(rawValue: 0x8000_0632)

    /// The text in UTF-8 without a byte order mark.
    static func utf8(_ bytes: [UInt8]) throws -> [UInt8] {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let rest = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
        if rest.allSatisfy({ $0 < 0x80 }) || String(validating: rest, as: UTF8.self) != nil { return rest }
        guard let text = String(data: Data(rest), encoding: chinese) else { throw SheetError(.badEncoding) }
        return Array(text.utf8)
    }
}

/// Why a whole file cannot be imported.
package struct SheetError: Error, Sendable, Hashable {
    package enum Code: String, Sendable, CaseIterable {
        case badEncoding = "bad_encoding"
        case noHeader = "no_header"
        case missingColumn = "missing_column"
        case columnTwice = "column_twice"
        case tooLarge = "too_large"
        case unreadable = "unreadable"
        case unknownForm = "unknown_form"
        case badMap = "bad_map"
    }

    package var code: Code
    /// The column or form concerned.
    package var subject: String
    package var file: String
    /// The headings that stand there, where one is missing.
    package var headings: [String]

    package init(_ code: Code, subject: String = "", file: String = "", headings: [String] = []) {
        self.headings = headings
        self.code = code
        self.subject = subject
        self.file = file
    }
}

/// Reads RFC 4180 records from bytes: LF, CRLF or CR, quoted cells with line breaks and doubled quotes.
struct CSVReader {
    private static let quote: UInt8 = 0x22
    private static let comma: UInt8 = 0x2c
    private static let lineFeed: UInt8 = 0x0a
    private static let carriageReturn: UInt8 = 0x0d

    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private var number = -1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next record; the header is record 0. An empty line is a record of one blank cell.
    mutating func next() -> SheetRecord? {
        guard at < bytes.count else { return nil }
        number += 1
        var record = SheetRecord(number: number, line: line, cells: [], isBlank: true)
        while true {
            let cell = takeCell()
            if record.isBlank, cell.contains(where: { $0 != 0x20 && $0 != 0x09 }) {
                record.isBlank = SheetRecord.isBlank(cell)
            }
            record.cells.append(cell)
            guard at < bytes.count, bytes[at] == CSVReader.comma else { break }
            at += 1
        }
        takeLineBreak()
        return record
    }

    private mutating func takeCell() -> ArraySlice<UInt8> {
        if at < bytes.count, bytes[at] == CSVReader.quote { return takeQuoted() }
        let start = at
        while at < bytes.count, !CSVReader.endsCell(bytes[at]) { at += 1 }
        return bytes[start..<at]
    }

    private static func endsCell(_ byte: UInt8) -> Bool {
        byte == comma || byte == lineFeed || byte == carriageReturn
    }

    /// A quoted cell. What follows the closing quote up to the comma belongs to it as it stands; a quote that
    /// is never closed ends with the file.
    private mutating func takeQuoted() -> ArraySlice<UInt8> {
        at += 1
        var cell: [UInt8] = []
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == CSVReader.quote {
                guard at < bytes.count, bytes[at] == CSVReader.quote else { break }
                at += 1
            } else if byte == CSVReader.lineFeed {
                line += 1
            } else if byte == CSVReader.carriageReturn, at >= bytes.count || bytes[at] != CSVReader.lineFeed {
                line += 1
            }
            cell.append(byte)
        }
        while at < bytes.count, !CSVReader.endsCell(bytes[at]) {
            cell.append(bytes[at])
            at += 1
        }
        return cell[...]
    }

    private mutating func takeLineBreak() {
        guard at < bytes.count else { return }
        let isReturn = bytes[at] == CSVReader.carriageReturn
        at += 1
        if isReturn, at < bytes.count, bytes[at] == CSVReader.lineFeed { at += 1 }
        line += 1
    }
}
