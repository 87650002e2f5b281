import SyncCore

/// A branch of 190 people who check in on 14 days, as phones and one desk would have it. Invented throughout.
enum Fortnight {
    static func versions(people count: Int = 190, days: Int = 14, seed: UInt64 = 1) -> [Version] {
        var random = SeededGenerator(seed: seed)
        let people = (0..<count).map { "20\(17 + $0 % 3)07\(1000 + $0)" }
        let devices = people.map { _ in "ph-" + String(random.number(0x100000...0xffffff), radix: 16) }
        let regions = people.map { _ in "33\(1000 + random.number(1...90) * 7)" }
        let places = ["超市", "车站", "亲戚家", "诊所"]
        var versions: [Version] = []
        for day in 0..<days {
            let midnight = Int64(18_300 + day) * 86_400_000
            let entries = (0..<count).filter { _ in random.chance(93) }
                .map { (person: $0, time: midnight + Int64(random.number(0...32_400)) * 1000) }
                .sorted { $0.time < $1.time }
            for entry in entries {
                let byDesk = random.chance(4)
                let track =
                    random.chance(80)
                    ? ["居家"]
                    : [
                        "居家",
                        "\(random.number(10...18)):\(random.number(1...5))0 " + places[random.number(0...3)],
                    ]
                let values: [Value] = [
                    .text(byDesk ? "T00027" : people[entry.person]),
                    .text(byDesk ? "pc-B16" : devices[entry.person]), .text(regions[entry.person]),
                    .list(track.map { Array($0.utf8) }),
                    random.chance(3)
                        ? .notStated : .decimal(unscaled: Int64(3620 + random.number(0...22) * 5), scale: 2),
                ]
                let signs = (0..<7).map { _ in random.chance(5) ? Value.notStated : .boolean(random.chance(3))
                }
                versions.append(
                    Version(
                        dot: Dot(origin: 77, sequence: UInt64(versions.count + 1)),
                        key: RecordKey(
                            form: "check-in",
                            values: [.integer(Int64(18_300 + day)), .text(people[entry.person])]),
                        formRevision: 1, authored: midnight + 50_000_000, stated: entry.time,
                        firstCreated: entry.time,
                        assignments: (values + signs).enumerated().map {
                            Assignment(field: FieldID($0.offset + 1), retentionClass: 1, value: $0.element)
                        }))
            }
        }
        return versions
    }

    /// The fortnight as batches of one origin, each with the salts of its day and one seal.
    static func batches(of size: Int, _ versions: [Version]) -> [VersionBatch] {
        var random = SeededGenerator(seed: 2)
        return stride(from: 0, to: versions.count, by: size).map { start in
            let part = versions[start..<min(start + size, versions.count)]
            return VersionBatch(
                origin: 77, first: UInt64(start + 1), headBefore: Samples.digest(&random),
                headAfter: Samples.digest(&random),
                salts: [SaltGrant(day: 18_300, retentionClass: 1, salt: Samples.token(&random))],
                seals: [
                    Seal(sequence: UInt64(start + part.count), signature: Samples.signature(&random))
                ], rows: VersionColumns(part))
        }
    }
}
