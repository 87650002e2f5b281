public import Foundation
import SyncCore

/// Where the targets start from: the published vectors, the forms, and what once broke something.
public struct Seed: Sendable {
    public let target: String
    public let name: String
    public let bytes: [UInt8]

    /// - Parameter folder: `Protocol`.
    /// - Throws: when a file is not there or is no list of cases.
    public static func all(in folder: URL) throws -> [Seed] {
        try vectors(in: folder.appending(path: "vectors")) + forms(in: folder.appending(path: "forms"))
            + boards(in: folder.appending(path: "boards"))
            + certificates(in: folder.appending(path: "vectors"))
            + corpus(in: folder.appending(path: "corpus"))
            + madeUp()
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
                let bytes = entry.bytes.flatMap { Hex.decode($0) } ?? Array((entry.text ?? "").utf8)
                func seed(_ target: String, _ bytes: [UInt8]) {
                    seeds.append(Seed(target: target, name: entry.name, bytes: bytes))
                }
                switch name {
                case "preambles": seed("preamble", bytes)
                case "rows":
                    seed("rows", bytes)
                    seed("judgement", bytes)
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

    private static func forms(in folder: URL) throws -> [Seed] {
        try files(in: folder).flatMap { file in
            try ["form", "definition"].map {
                Seed(target: $0, name: file.lastPathComponent, bytes: try bytes(file))
            }
        }
    }

    private static func boards(in folder: URL) throws -> [Seed] {
        try files(in: folder).map {
            Seed(target: "definition", name: $0.lastPathComponent, bytes: try bytes($0))
        }
    }

    private static func certificates(in folder: URL) throws -> [Seed] {
        let data = try Data(contentsOf: folder.appending(path: "certificates.json"))
        guard let file = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { return [] }
        return try ["valid", "invalid"].flatMap { file[$0] as? [[String: Any]] ?? [] }.compactMap { entry in
            guard let name = entry["name"] as? String, let certificate = entry["certificate"] else {
                return nil
            }
            let bytes = Array(try JSONSerialization.data(withJSONObject: certificate))
            return Seed(target: "certificate", name: name, bytes: bytes)
        }
    }

    /// What broke a target once lies in its folder, named by its cause. Beside it, what fuzzing has grown: a
    /// line for each input, in hexadecimal digits.
    private static func corpus(in folder: URL) throws -> [Seed] {
        let all = try files(in: folder)
        let causes = try all.filter(\.hasDirectoryPath).flatMap { target in
            try files(in: target).map {
                Seed(target: target.lastPathComponent, name: $0.lastPathComponent, bytes: try bytes($0))
            }
        }
        return try causes
            + all.filter { $0.pathExtension == "grown" }.flatMap { file in
                let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                return lines.enumerated().map { index, line in
                    Seed(
                        target: file.deletingPathExtension().lastPathComponent, name: "grown-\(index + 1)",
                        bytes: Hex.decode(line) ?? [])
                }
            }
    }

    /// Bytes of a target's inputs that are kept at most.
    private static let kept = 30_000

    /// The file of what a target has grown, with the smallest inputs.
    public static func grown(from inputs: [[UInt8]]) -> String {
        var room = kept
        let sorted = inputs.sorted {
            $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1)
        }
        return sorted.prefix { input in
            room -= input.count
            return room >= 0
        }.map { Hex.encode($0) + "\n" }.joined()
    }

    private static func files(in folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
            .sorted { $0.path < $1.path }
    }

    private static func bytes(_ file: URL) throws -> [UInt8] { Array(try Data(contentsOf: file)) }
}
