import SyncCore
import Testing

@Suite struct VersionColumnsTests {
    @Test func versionsComeBackAsTheyWentIn() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<300 {
            let versions = (0..<Int.random(in: 1...12, using: &random)).map { Self.version($0, &random) }
            let columns = VersionColumns(versions)
            let back = versions.indices.map { columns.version(at: $0, dot: versions[$0].dot) }
            #expect(back == versions, "seed \(random.seed)")
            #expect(columns.groups.reduce(0) { $0 + $1.rows.count } == versions.count)
        }
    }

    /// A feed page is laid out of the columns of many batches as it would be of their versions one by one.
    @Test func gatheredRowsLieAsTheirVersions() {
        var random = SeededRandom(seed: 12)
        for _ in 0..<400 {
            var pieces: [VersionColumns.Piece] = []
            var versions: [Version] = []
            var isBehind: [Bool] = []
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let all = (0..<Int.random(in: 1...9, using: &random)).map { Self.version($0, &random) }
                let rows = all.indices.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
                let afterHole = Set(rows.filter { _ in Bool.random(using: &random) })
                pieces.append(VersionColumns.Piece(VersionColumns(all), rows: rows, afterHole: afterHole))
                versions += rows.map { all[$0] }
                isBehind += rows.map { afterHole.contains($0) }
            }
            let oneByOne = VersionColumns(versions) { isBehind[$0] }
            #expect(VersionColumns(gathering: pieces) == oneByOne, "seed \(random.seed)")
        }
    }

    static func version(_ row: Int, _ random: inout SeededRandom) -> Version {
        var assignments: [Assignment] = []
        for field in FieldID(1)...5 where Bool.random(using: &random) {
            assignments.append(
                Assignment(field: field, retentionClass: UInt8(field % 3), value: value(&random)))
        }
        let form = ["check-in", "alert"][Int.random(in: 0...1, using: &random)]
        return Version(
            dot: Dot(origin: 5, sequence: UInt64(row + 1)),
            key: RecordKey(form: form, values: [.integer(Int64(row)), .text("p\(row % 3)")]),
            formRevision: UInt32.random(in: 1...2, using: &random), context: ContextTests.context(&random),
            isDelete: Bool.random(using: &random), clockTrusted: Bool.random(using: &random),
            authored: Int64.random(in: -5...5_000_000_000, using: &random),
            stated: Int64.random(in: .min ... .max, using: &random),
            firstCreated: Int64.random(in: 0...99, using: &random), author: Array("a\(row % 2)".utf8),
            authoredDot: Bool.random(using: &random) ? Dot(origin: 9, sequence: 3) : nil,
            assignments: assignments)
    }

    static func value(_ random: inout SeededRandom) -> Value {
        switch Int.random(in: 0...5, using: &random) {
        case 0: .notStated
        case 1: .integer(Int64.random(in: .min ... .max, using: &random))
        case 2: .decimal(unscaled: 3_650, scale: 2)
        case 3: .decimal(unscaled: -1, scale: UInt8.random(in: 0...3, using: &random))
        case 4: .text(["", "居家", "x"][Int.random(in: 0...2, using: &random)])
        default: .list([[], [1, 2]])
        }
    }
}
