import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What both ends hold, compared: what is alike is found alike, whatever has happened to it, and what is on
/// its way is no difference.
@Suite struct ComparingTests {
    /// Two branches' worth of everything that can happen to records.
    static func busy(_ kind: HubKind) throws -> (ComparingWorld, [ComparingBranch]) {
        let world = try ComparingWorld(kind)
        let one = try world.join("B1")
        let second = try world.join("B1")
        let other = try world.join("B2")
        let above = try world.join("C0")
        try one.checkIn("p1")
        try one.checkIn("p2")
        try other.checkIn("p4")
        try world.syncAll()
        // A correction that was shown the entry, and two that were not shown each other.
        try second.checkIn("p1", temperature: 3_700)
        try one.checkIn("p2", temperature: 3_800)
        try second.checkIn("p2", temperature: 3_900)
        try one.checkIn("p3", temperature: 3_600, day: ComparingWorld.day + 1)
        try other.author(
            HubWorld.draft(
                "daily-report", [.integer(Int64(ComparingWorld.day)), .text("B2")], [1: .text("ZERO")]))
        try world.syncAll()
        // A delete, an edit of one field only, something nobody knows, and something that is refused.
        let seen = try #require(try one.store.record(HubWorld.key("p1"))).seen
        try one.author(
            HubWorld.draft(
                "check-in", [.integer(Int64(ComparingWorld.day)), .text("p1")], [:], context: seen,
                isDelete: true))
        try other.author(
            HubWorld.draft(
                "check-in", [.integer(Int64(ComparingWorld.day)), .text("p4")], [14: .text("weary")],
                context: try #require(try other.store.record(HubWorld.key("p4"))).seen))
        try other.checkIn("nobody")
        try other.checkIn("p5", temperature: 9_900)
        try world.centre { transaction in
            try transaction.author(
                HubWorld.draft(
                    "person", [.text("p4")], [1: .text("Renamed")],
                    context: try transaction.context(of: RecordKey(form: "person", values: [.text("p4")]))))
        }
        try world.syncAll()
        return (world, [one, second, other, above])
    }

    /// Removed at one end and not yet at the other.
    @Test(arguments: HubKind.allCases) func whatIsOverIsNoDifference(kind: HubKind) throws {
        let (world, branches) = try Self.busy(kind)
        world.now += 61 * 86_400_000
        func expectAgreement(_ when: String) throws {
            for branch in branches {
                let comparison = try branch.compare()
                #expect(comparison.findings.agrees, "\(when), \(branch.unit): \(comparison.words)")
            }
        }
        try expectAgreement("before")
        let purge = try world.hub.purge(now: world.now, limit: .max)
        #expect(purge.forms["check-in"]?.trimmed ?? 0 > 4)
        try expectAgreement("purged")
        let today = LocalZone.fixed(hours: 8).day(of: world.now)
        #expect(try branches[3].store.prune(Retention(.builtIn, today: today), limit: 1_000).trimmed > 0)
        try expectAgreement("pruned")
    }

    @Test(arguments: HubKind.allCases) func endsThatHoldTheSameAgree(kind: HubKind) throws {
        let (_, branches) = try Self.busy(kind)
        for branch in branches {
            let comparison = try branch.compare()
            #expect(comparison.findings.agrees, "\(branch.unit): \(comparison.words)")
            #expect(comparison.questions == 1)
            #expect(comparison.movingDown == 0)
            #expect(comparison.listing.queued == 0)
        }
        let listings = try branches.map { try $0.compare().listing }
        #expect(listings.map(\.heldBack) == [0, 0, 1, 0], "what the centre refused is not compared")
        #expect(listings.map(\.outside) == [0, 0, 1, 0], "nobody knows to whom it belongs")
        #expect(listings.map(\.listing.count)[0] == listings.map(\.listing.count)[1])
        #expect(listings[3].listing.count > listings[0].listing.count)
    }

    @Test(arguments: HubKind.allCases) func whatWaitsHereIsOnItsWay(kind: HubKind) throws {
        let (_, branches) = try Self.busy(kind)
        let one = branches[0]
        try one.checkIn("p1", day: ComparingWorld.day + 2)
        try one.checkIn("p2", temperature: 3_666)
        let comparison = try one.compare()
        #expect(comparison.findings.agrees, "\(comparison.words)")
        #expect(comparison.listing.queued == 2)
        // It goes up while both are being compared, and so does what is written after the look.
        let racing = try one.compare {
            try one.checkIn("p3", temperature: 3_777, day: ComparingWorld.day + 1)
            try one.sync()
        }
        #expect(racing.findings.agrees, "\(racing.words)")
        #expect(try one.compare().listing.queued == 0)
    }

    @Test(arguments: HubKind.allCases) func whatHasNotBeenFedYetIsOnItsWay(kind: HubKind) throws {
        let (world, branches) = try Self.busy(kind)
        try branches[1].checkIn("p2", temperature: 3_999)
        try branches[1].checkIn("p1", day: ComparingWorld.day + 3)
        try branches[2].checkIn("p4", temperature: 3_555)
        try branches[1].sync(feeding: false)
        try branches[2].sync(feeding: false)
        let one = try branches[0].compare()
        #expect(one.findings.agrees, "\(one.words)")
        #expect(one.movingDown == 2, "of its own unit")
        let above = try branches[3].compare()
        #expect(above.findings.agrees, "\(above.words)")
        #expect(above.movingDown == 3)
        // What comes while both are being compared.
        let racing = try branches[0].compare {
            try branches[1].checkIn("p3", temperature: 3_111, day: ComparingWorld.day + 1)
            try branches[1].sync()
        }
        #expect(racing.findings.agrees, "\(racing.words)")
        try world.syncAll()
        #expect(try branches[0].compare().movingDown == 0)
        // Somebody who starts anew has everything still to come.
        let fresh = try world.join("B1")
        let empty = try fresh.compare()
        #expect(empty.findings.agrees && empty.movingDown > 5)
    }

    /// What the branch has written about days that are another's now stays with it.
    @Test(arguments: HubKind.allCases, [Int32(0), 5])
    func aPersonWhoMovedCountsWhereTheDayLies(kind: HubKind, days: Int32) throws {
        let (world, branches) = try Self.busy(kind)
        try branches[0].checkIn("p3", day: ComparingWorld.day)
        try world.syncAll()
        try world.centre {
            _ = try $0.author(HubWorld.membership("p3", from: ComparingWorld.day + days, unit: "B2"))
        }
        try world.syncAll()
        for branch in branches {
            let comparison = try branch.compare()
            #expect(comparison.findings.agrees, "\(branch.unit): \(comparison.words)")
        }
    }

    /// Both ends read the same tree of days.
    @Test(arguments: HubKind.allCases, [Int32(0), 5])
    func aUnitThatMovedCountsWhereItStoodThen(kind: HubKind, days: Int32) throws {
        let (world, branches) = try Self.busy(kind)
        try branches[0].checkIn("p3", day: ComparingWorld.day)
        try world.syncAll()
        func expectAgreement() throws {
            try world.syncAll()
            for branch in branches {
                let comparison = try branch.compare()
                #expect(comparison.findings.agrees, "\(branch.unit): \(comparison.words)")
            }
        }
        for above in ["B2", "C0", nil] {
            try world.centre { transaction in
                var draft = HubWorld.placement("B1", under: above, from: ComparingWorld.day + days)
                draft.context = try transaction.context(of: draft.key)
                try transaction.author(draft)
            }
            try expectAgreement()
        }
    }

    /// Units and people move in any order, back and forth, with days before and behind today: what a device
    /// has to hold by the hub's register is what it holds by its own.
    @Test(arguments: HubKind.allCases) func movesInAnyOrderLeaveNoDifference(kind: HubKind) throws {
        for seed in UInt64(1)...(kind == .memory ? 30 : 8) {
            var random = HubRandom(state: seed &* 77)
            let world = try ComparingWorld(kind)
            let branches = try ["B1", "B2", "C0"].map { try world.join($0) }
            try world.syncAll()
            for step in 0..<14 {
                let person = Self.people.randomElement(using: &random) ?? "p1"
                let unit = ComparingWorld.units.randomElement(using: &random) ?? "B1"
                let day = ComparingWorld.day + Int32.random(in: -3...2, using: &random)
                switch Int.random(in: 0..<10, using: &random) {
                case 0...1:
                    let branch = branches.randomElement(using: &random)
                    try branch?.checkIn(person, day: min(day, ComparingWorld.day), blind: true)
                case 2...3:
                    try world.centre {
                        var draft = HubWorld.membership(person, from: day, unit: unit)
                        draft.context = try $0.context(of: draft.key)
                        try $0.author(draft)
                    }
                case 4...7:
                    let above = (ComparingWorld.units + [nil]).randomElement(using: &random) ?? nil
                    try world.centre {
                        var draft = HubWorld.placement(unit, under: above, from: day)
                        draft.context = try $0.context(of: draft.key)
                        try $0.author(draft)
                    }
                case 8: world.now += 86_400_000
                default: try branches.randomElement(using: &random)?.sync()
                }
                if Int.random(in: 0..<4, using: &random) == 0 || step == 13 {
                    try world.syncAll()
                    for branch in branches {
                        let comparison = try branch.compare()
                        #expect(
                            comparison.findings.agrees && comparison.findings.elsewhere == 0,
                            "seed \(seed), step \(step), \(branch.unit): \(comparison.words)")
                    }
                }
            }
        }
    }

    private static let people = ComparingWorld.people.map(\.0)

    @Test(arguments: HubKind.allCases) func aBranchIsToldOfItsOwnScopeOnly(kind: HubKind) throws {
        let (world, branches) = try Self.busy(kind)
        let asker = try branches[0].asker()
        let form = Array("check-in".utf8)
        let day = ComparingWorld.day
        let question = TallyQuestion(
            position: 0, own: [],
            paths: [
                .unit(form: form, day: day, unit: Array("B2".utf8)), .day(form: form, day: day),
                .unit(form: Array("person".utf8), day: nil, unit: Array("B2".utf8)),
                .period(form: form, period: TallyPath.period(of: day)),
                .unit(form: Array("no such form".utf8), day: day, unit: []),
                .day(form: form, day: nil),
            ])
        let answer = try world.hub.answer(question, of: asker, now: world.now) { true }
        #expect(answer.parts.map(\.path) == question.paths)
        #expect(answer.parts[0].content == .records([]))
        #expect(answer.parts[2].content == .records([]))
        #expect(answer.parts[4].content == .records([]))
        #expect(answer.parts[5].content == .groups([]))
        guard case .groups(let units) = answer.parts[1].content,
            case .groups(let days) = answer.parts[3].content
        else {
            Issue.record("no groups")
            return
        }
        #expect(units.map(\.path) == [.unit(form: form, day: day, unit: Array("B1".utf8))])
        let counted = days.map { $0.tally.count + $0.tally.moving }
        #expect(counted == [2, 1], "p1 and p2 on the first day, p3 on the second, each once")
    }

    @Test(arguments: HubKind.allCases) func onlyDevicesThatAreKnownMayAsk(kind: HubKind) throws {
        let world = try ComparingWorld(kind)
        let branch = try world.join("B1")
        var hello = try branch.store.hello(now: world.now, program: "test")
        hello.capabilities = [ReconcileSession.capability]
        let stranger = TestCrypto.signing().publicKey
        guard case .failure(let refuse) = try world.hub.greet(hello, publicKey: stranger, now: world.now)
        else {
            Issue.record("a stranger was greeted")
            return
        }
        #expect(refuse.code == .unknownDevice)
        // Nothing was written: the device has no session, and its origins are not bound.
        let before = try world.hub.devices()
        _ = try branch.asker()
        #expect(try world.hub.devices() == before)
        #expect(try branch.asker().welcome.held.isEmpty)
    }

    @Test(arguments: HubKind.allCases) func aHubWithoutTimeSaysSo(kind: HubKind) throws {
        let (world, branches) = try Self.busy(kind)
        if kind == .sqlite {
            // It asks now and then only: enough rows for that.
            try world.centre { transaction in
                for number in 0..<5_000 {
                    try transaction.author(HubWorld.draft("unit", [.text("U\(number)")], [3: .text("B1")]))
                }
            }
        }
        let asker = try branches[0].asker()
        let question = TallyQuestion(position: 0, own: [], paths: [.all])
        #expect(throws: Refuse.self) {
            try world.hub.answer(question, of: asker, now: world.now) { false }
        }
    }
}

/// What somebody does by hand to either file is found.
@Suite struct TamperedStoreTests {
    static let day = ComparingWorld.day

    @Test func aRowThatWasDeletedAtTheHubIsNamed() throws {
        let (world, branches) = try ComparingTests.busy(.sqlite)
        try world.tamper(
            "DELETE FROM form_check_in WHERE day = \(Self.day + 1)")
        let one = try branches[0].compare()
        #expect(one.findings.differences.map(\.kind) == [.lackedThere])
        let name = try #require(one.findings.differences.first)
        #expect(String(decoding: name.place.form, as: UTF8.self) == "check-in")
        #expect(name.place.day == Self.day + 1)
        let keys = try branches[0].store.keys(of: [name.hash], forms: [name.place.form])
        #expect(keys[name.hash] == Canonical.encode(key: HubWorld.key("p3", day: Self.day + 1).values))
        #expect(try branches[2].compare().findings.agrees, "nobody else is concerned")
    }

    @Test(arguments: [
        "temperature = 3651", "_stated_after = _stated_after + 1", "_created_after = _created_after - 1",
        "_author = 1",
        "_sequence = _sequence + 1", "_origin = 99", "_revision = 2", "_flags = _flags | 4",
        "_assigned = _assigned - 2", "remark = 'x', _assigned = _assigned | (1 << 14)",
    ])
    func aRowThatWasAlteredAtTheHubIsNamed(change: String) throws {
        let (world, branches) = try ComparingTests.busy(.sqlite)
        try world.tamper("UPDATE form_check_in SET \(change) WHERE day = \(Self.day + 1)")
        let one = try branches[0].compare()
        #expect(one.words == ["differs check-in B1 p3"])
    }

    /// A record with a history: its row only shows what its versions say.
    @Test(arguments: [
        "temperature = 3651", "_stated_after = _stated_after + 1", "_created_after = _created_after - 1",
        "_author = 1",
        "_sequence = _sequence + 1", "_origin = 99", "_revision = 2", "_flags = _flags & ~8",
        "_assigned = _assigned - 2", "remark = 'x'",
    ])
    func aRowThatNoLongerSaysWhatItsVersionsSayIsNamedAsSuch(change: String) throws {
        let (world, branches) = try ComparingTests.busy(.sqlite)
        try world.tamper(
            """
            UPDATE form_check_in SET \(change) WHERE day = \(Self.day)
            AND person = (SELECT num FROM term WHERE text = CAST('p2' AS BLOB))
            """)
        let one = try branches[0].compare()
        #expect(one.words == ["differs check-in B1 p2"])
        #expect(one.findings.differences.first?.flagsThere == .altered)
    }

    @Test func versionsThatWereTakenFromBesideARowAreMissed() throws {
        let (world, branches) = try ComparingTests.busy(.sqlite)
        try world.tamper(
            "DELETE FROM sibling WHERE form = (SELECT num FROM form WHERE name = CAST('check-in' AS BLOB))")
        let one = try branches[0].compare()
        #expect(
            one.words == ["differs check-in B1 p2", "differs check-in B1 p1"].sorted() || one.words.count == 2
        )
        #expect(one.findings.differences.allSatisfy { $0.flagsThere == .altered })
    }

    @Test func aRowThatWasDeletedAtTheBranchIsNamed() throws {
        let (_, branches) = try ComparingTests.busy(.sqlite)
        try branches[0].tamper(
            """
            DELETE FROM record WHERE form = 'check-in'
            AND key = (SELECT max(key) FROM record WHERE form = 'check-in')
            """
        )
        let one = try branches[0].compare()
        #expect(one.words == ["lackedHere check-in B1 p3"])
    }

    /// The register decides who is compared: what hangs on it is told as well.
    @Test func aMembershipThatWasDeletedAtTheHubIsNamed() throws {
        let (world, branches) = try ComparingTests.busy(.sqlite)
        try world.tamper(
            """
            DELETE FROM form_membership
            WHERE person = (SELECT num FROM term WHERE text = CAST('p3' AS BLOB))
            """
        )
        let words = try branches[0].compare().words
        #expect(words.contains("lackedThere membership B1 ?"))
        #expect(words.allSatisfy { $0.hasPrefix("lackedThere") })
    }
}
