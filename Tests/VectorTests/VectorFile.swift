import Foundation
import SyncCore

/// A case as it stands in a file.
struct Case {
    var name: String
    var shows: String
    var content: [(String, JSON)]

    init(_ name: String, _ shows: String, _ content: [(String, JSON)]) {
        self.name = name
        self.shows = shows
        self.content = content
    }

    var json: JSON {
        .object(
            [(key: "name", value: .string(name)), (key: "shows", value: .string(shows))]
                + content.map { (key: $0.0, value: $0.1) })
    }
}

/// One file of `Protocol/vectors`.
struct VectorFile: Sendable, CustomStringConvertible {
    var name: String
    /// What the file should hold.
    var definition: @Sendable () throws -> [(String, JSON)]

    var description: String { name }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Protocol/vectors")

    var url: URL { VectorFile.folder.appending(path: "\(name).json") }

    static func stored(_ name: String) throws -> JSON {
        let data = try Data(contentsOf: folder.appending(path: "\(name).json"))
        return try JSONDecoder().decode(JSON.self, from: data)
    }

    /// The cases of one part of a file.
    static func cases(_ name: String, _ part: String) throws -> [JSON] { try stored(name)[part].items }

    var text: String {
        get throws { JSON.object(try definition().map { (key: $0.0, value: $0.1) }).text }
    }

    static let all: [VectorFile] = [
        VectorFile(name: "preambles", definition: PreambleCases.file),
        VectorFile(name: "frames", definition: FrameCases.file),
        VectorFile(name: "messages", definition: MessageCases.file),
        VectorFile(name: "rows", definition: RowCases.file),
        VectorFile(name: "batches", definition: BatchCases.file),
        VectorFile(name: "journals", definition: JournalCases.file),
        VectorFile(name: "receipts", definition: ReceiptCases.file),
        VectorFile(name: "certificates", definition: CertificateCases.file),
        VectorFile(name: "merges", definition: MergeCases.file),
        VectorFile(name: "prints", definition: TallyCases.file),
        VectorFile(name: "version-vectors", definition: VersionVectorCases.file),
        VectorFile(name: "join-codes", definition: JoinCodeCases.file),
        VectorFile(name: "spoken", definition: SpokenCases.file),
        VectorFile(name: "hub-keys", definition: HubKeyCases.file),
    ]
}

extension JSON {
    static func hex(_ bytes: some Sequence<UInt8>) -> JSON { .string(Hex.encode(bytes)) }
    static func cases(_ cases: [Case]) -> JSON { .array(cases.map(\.json)) }

    /// The bytes of a member in hexadecimal.
    func bytes(_ key: String) -> [UInt8] { Hex.decode(self[key].string) ?? [] }

    var code: RefusalCode { RefusalCode(rawValue: UInt16(clamping: self["code"].number)) }
}
