import SyncCore
import SyncStore

/// Texts that keys are made of, as small numbers: persons, units, record names.
final class HubTerms {
    private let connection: HubConnection
    private var numbers = TermIndex()
    private var texts: [Int64: [UInt8]] = [:]
    private let selection: HubStatement
    private let insertion: HubStatement

    init(_ connection: HubConnection) throws {
        self.connection = connection
        selection = try connection.statement("SELECT num FROM term WHERE text = ?")
        insertion = try connection.statement("INSERT INTO term (text) VALUES (?)")
    }

    func forget() {
        numbers.removeAll()
        texts.removeAll(keepingCapacity: true)
    }

    /// The text's number; nil when it has none yet.
    func find(_ text: [UInt8]) throws -> Int64? {
        try text.withUnsafeBytes { bytes in
            if let known = numbers.number(of: bytes) { return known }
            selection.bind(1, .blob(text))
            guard let found = try selection.first({ $0.int(0) }) else { return nil }
            numbers.insert(bytes, number: found)
            return found
        }
    }

    func find(_ text: UnsafeRawBufferPointer) throws -> Int64? {
        try numbers.number(of: text) ?? find(Array(text))
    }

    /// The text's number, given now when it has none.
    func number(of text: [UInt8]) throws -> Int64 {
        if let known = try find(text) { return known }
        insertion.bind(1, .blob(text))
        try insertion.run()
        let number = connection.lastRow
        text.withUnsafeBytes { numbers.insert($0, number: number) }
        return number
    }

    /// The same for a text that lies elsewhere.
    func number(of text: UnsafeRawBufferPointer) throws -> Int64 {
        try numbers.number(of: text) ?? number(of: Array(text))
    }

    /// The highest number that is given.
    func last() throws -> Int64 {
        try connection.first("SELECT max(num) FROM term") { $0.int(0) } ?? 0
    }

    func text(of number: Int64) throws -> [UInt8] {
        if let known = texts[number] { return known }
        let found = try connection.first("SELECT text FROM term WHERE num = ?", .int(number)) { $0.bytes(0) }
        guard let found else { throw StoreError(.corrupt, "a text's number without its text") }
        texts[number] = found
        return found
    }
}
