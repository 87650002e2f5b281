public import Foundation

/// Where the targets start from: the published vectors, the forms, and what once broke something.
public struct Seed: Sendable {
    public let target: String
    public let name: String
    public let bytes: [UInt8]

    /// - Parameter folder: `Protocol`.
    /// - Throws: when a file is not there or is no list of cases.
    public static func all(in folder: URL) throws -> [Seed] {
        try vectors(in: folder.appending(path: "vectors")) + forms(in: folder.appending(path: "forms"))
            + corpus(in: folder.appending(path: "corpus"))
    }

    private struct File: Decodable {
        struct Case: Decodable {
            let name: String
            let bytes: String?
            let text: String?
        }
        let valid: [Case]
        let invalid: [Case]
    }

    private static func vectors(in folder: URL) throws -> [Seed] {
        var seeds: [Seed] = []
        for name in ["preambles", "frames", "messages", "batches", "rows", "join-codes"] {
            let file = try JSONDecoder().decode(
                File.self, from: Data(contentsOf: folder.appending(path: "\(name).json")))
            for entry in file.valid + file.invalid {
                let bytes = entry.bytes.flatMap(unhex) ?? Array((entry.text ?? "").utf8)
                func seed(_ target: String, _ bytes: [UInt8]) {
                    seeds.append(Seed(target: target, name: entry.name, bytes: bytes))
                }
                switch name {
                case "preambles": seed("preamble", bytes)
                case "rows": seed("rows", bytes)
                case "join-codes": seed("join-code", bytes)
                default:
                    seed("frames", [7] + bytes)
                    // What is not in-stream shows its payload behind the header.
                    if bytes.count > 16, bytes[1] & 2 == 0 {
                        seed("message", [bytes[0]] + bytes.dropFirst(16))
                    }
                }
            }
        }
        return seeds
    }

    private static func unhex(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func forms(in folder: URL) throws -> [Seed] {
        try files(in: folder).map { Seed(target: "form", name: $0.lastPathComponent, bytes: try bytes($0)) }
    }

    private static func corpus(in folder: URL) throws -> [Seed] {
        try files(in: folder).filter(\.hasDirectoryPath).flatMap { target in
            try files(in: target).map {
                Seed(target: target.lastPathComponent, name: $0.lastPathComponent, bytes: try bytes($0))
            }
        }
    }

    private static func files(in folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
            .sorted { $0.path < $1.path }
    }

    private static func bytes(_ file: URL) throws -> [UInt8] { Array(try Data(contentsOf: file)) }
}
