import Console
import Foundation
import SyncCore
import SyncTransport
import Testing

/// What a branch can show before its device is wiped or handed on.
@Suite(.timeLimit(.minutes(5))) struct RetireTests {
    private struct Vectors: Decodable {
        struct Vector: Decodable {
            var name: String
            var certificate: CertificateFile
            var defects: [String]?
        }

        var valid: [Vector]
        var invalid: [Vector]
    }

    /// Whoever enters something after the certificate hears that it is not covered, whatever the verb.
    @Test func whatIsEnteredAfterTheCertificateIsNotCovered() async throws {
        let crowd = try await Crowd(branches: 1, persons: 6, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        let entry = ["day=\(crowd.days[0])", "person=S000000"]
        func branch(_ words: [String]) async throws -> String {
            try await crowd.place.run("branch-agent", words + ["--data", crowd.data("B000")]).remarks
        }
        let words = "does not cover this entry"
        #expect(try await !branch(["add", "check-in"] + entry + ["temperature=36.5"]).contains(words))
        #expect(try await crowd.sync("B000").drained)
        let path = crowd.place.path("certificate.json")
        try await crowd.branch("B000", "retire", path)
        #expect(try await branch(["add", "check-in"] + entry + ["temperature=36.6"]).contains(words))
        #expect(try await !branch(["add", "check-in"] + entry + ["temperature=36.6"]).contains(words))
        #expect(try await branch(["edit", "check-in"] + entry + ["temperature=36.7"]).contains(words))
        let sheet = crowd.place.path("sheet.csv")
        try "person_id,check_date,temperature\nS000001,\(crowd.days[0]),36.5\n".write(
            toFile: sheet, atomically: true, encoding: .utf8)
        #expect(try await !branch(["import", "check-in", sheet, "--dry-run"]).contains(words))
        #expect(try await branch(["import", "check-in", sheet]).contains(words))
        #expect(try await !branch(["import", "check-in", sheet]).contains(words), "nothing new")
        try await crowd.branch("B000", "retire", path, expecting: [1])
        try await crowd.close()
    }

    @Test func certificatesOfTheVectorsAreJudgedAsTheySay() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Protocol/vectors/certificates.json")
        let vectors = try JSONDecoder().decode(Vectors.self, from: try Data(contentsOf: file))
        for vector in vectors.valid + vectors.invalid {
            // As a file of its own.
            let read = try #require(CertificateFile.read(try vector.certificate.bytes))
            let certificate = try #require(read.certificate(hashing: .sha256))
            let defects = certificate.defects(hashing: .sha256, verifying: .p256).map { defect in
                switch defect {
                case .signature: "signature"
                case .receipt: "receipt"
                case .otherJournal: "otherJournal"
                }
            }
            #expect(defects == vector.defects ?? [], "\(vector.name)")
        }
        #expect(vectors.valid.count == 3 && vectors.invalid.count == 6)
        let noise = [UInt8](repeating: 0x20, count: CertificateFile.maximumBytes + 1)
        #expect(CertificateFile.read(noise) == nil && CertificateFile.read(Array("{}".utf8)) == nil)
    }

    @Test func aDeviceIsCertifiedOnceEverythingIsReceipted() async throws {
        let crowd = try await Crowd(branches: 1, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.6")
        try await crowd.checkIn("B000", "S000001", "39.5")
        let path = crowd.place.path("certificate.json")
        // It names what is missing, and writes nothing.
        let refused = try await crowd.branch("B000", "retire", path, expecting: [1])
        #expect(refused.remarks.contains("check-in \(crowd.days[0]) S000001"))
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try await crowd.sync("B000").drained)
        // No link is needed any more.
        try await crowd.close()
        let folder = crowd.data("B000")
        #expect(!FileManager.default.fileExists(atPath: folder + "/retired"))
        try await crowd.branch("B000", "retire", path)
        let rights = try FileManager.default.attributesOfItem(atPath: folder + "/retired")
        #expect(rights[.posixPermissions] as? Int == 0o600)
        let file = try #require(
            CertificateFile.read(Array(try Data(contentsOf: URL(fileURLWithPath: path)))))
        let certificate = try #require(file.certificate(hashing: .sha256))
        #expect(certificate.defects(hashing: .sha256, verifying: .p256).isEmpty)
        #expect(certificate.journals.reduce(0) { $0 + $1.sequence } == 3, "two check-ins and an alert")
        #expect(certificate.journals.allSatisfy { $0.unsigned == 0 })
        let hub = try DeviceKey.load(from: crowd.place.path("hub") + "/hub.key")
        #expect(certificate.hub == HubKeyring(first: hub.publicKey) && file.unit == "B000")
        // Anybody who knows the hub's fingerprint can check it.
        let fingerprint = Hashing.sha256(hub.publicKey).description
        func verify(_ file: CertificateFile, _ hub: String, expecting code: Int32) async throws -> Outcome {
            try Data(try file.bytes).write(to: URL(fileURLWithPath: path))
            return try await crowd.place.run(
                "sync-inspect", ["verify", path, "--hub", hub], expecting: [code])
        }
        let held = try await verify(file, fingerprint, expecting: 0)
        #expect(held.output.contains("nothing left to send"))
        _ = try await verify(file, String(repeating: "0", count: 64), expecting: 10)
        var altered = file
        altered.at += 1
        _ = try await verify(altered, fingerprint, expecting: 8)
        altered = file
        let routine = try #require(file.journals.firstIndex { $0.receipt != nil })
        altered.journals[routine].receipt?.time += 1
        _ = try await verify(altered, fingerprint, expecting: 9)
        // It reads as it was written, and one digit less is none.
        #expect(CertificateFile(certificate, unit: "B000", hashing: .sha256) == file)
        var short = file
        short.journals[0].head.removeLast()
        #expect(short.certificate(hashing: .sha256) == nil)
        // What is entered afterwards is not covered: it is said again.
        try await crowd.checkIn("B000", "S000002", "36.6")
        try await crowd.branch("B000", "retire", path, expecting: [1])
    }
}
