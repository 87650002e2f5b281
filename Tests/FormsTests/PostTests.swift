import SyncCore
import Testing

@testable import Forms

/// Who is on duty, who comes next, and where nobody is.
struct PostTests {
    static let hour: Milliseconds = 3_600_000

    static func shift(
        _ unit: String, _ from: Int64, _ until: Int64, _ person: String, order: Int64 = 1,
        leads: Bool = false, role: String = ""
    ) -> Posting {
        Posting(
            unit: unit, from: from * hour, until: until * hour, person: person, phone: "1-\(person)",
            order: order, isLeader: leads, role: role)
    }

    let posts = Posts([
        shift("C0", 0, 8, "a"), shift("C0", 0, 8, "lead", order: 2, leads: true), shift("C0", 8, 16, "b"),
        shift("C0", 20, 24, "c"), shift("C0", 0, 100, "secretary", role: "head"), shift("B1", 0, 24, "d"),
    ])

    @Test func aShiftBeginsWithItsFirstMomentAndEndsBeforeItsLast() {
        func onDuty(_ time: Milliseconds) -> [String] {
            posts.holders(of: ["C0"], at: time).map(\.person)
        }
        #expect(onDuty(0) == ["a", "lead"] && onDuty(8 * Self.hour - 1) == ["a", "lead"])
        #expect(onDuty(8 * Self.hour) == ["b"])
        #expect(onDuty(16 * Self.hour).isEmpty)
        #expect(posts.holders(of: ["C0", "B1"], at: 17 * Self.hour).map(\.person) == ["d"])
        #expect(posts.holders(of: ["C0"], role: "head", at: 50 * Self.hour).map(\.person) == ["secretary"])
    }

    @Test func everyInstantIsCoveredOrListed() {
        let gaps = posts.gaps(of: "C0", from: 0, to: 200 * Self.hour)
        #expect(gaps.map(\.from) == [16 * Self.hour, 24 * Self.hour])
        #expect(gaps.map(\.until) == [20 * Self.hour, nil])
        for time in stride(from: Milliseconds(0), to: 100 * Self.hour, by: Int(Self.hour / 4)) {
            let isListed = gaps.contains { $0.from <= time && time < $0.until ?? .max }
            #expect(posts.holders(of: ["C0"], at: time).isEmpty == isListed)
        }
        #expect(
            posts.gaps(of: "C0", from: 17 * Self.hour, to: 18 * Self.hour).map(\.from) == [16 * Self.hour])
        #expect(posts.gaps(of: "C9", from: 0, to: .max).isEmpty, "whoever has no roster has no gap")
        #expect(posts.dutyUnits == ["B1", "C0"])
    }

    @Test func theNextIsWhoComesBehind() {
        func person(_ who: TellStep.Who, _ hours: Int64, told: String...) -> String? {
            posts.person(TellStep(who: who), of: ["C0"], at: hours * Self.hour, told: told)?.person
        }
        #expect(person(.duty, 1) == "a" && person(.leader, 1) == "lead")
        #expect(person(.next, 1, told: "a") == "lead")
        #expect(person(.next, 1, told: "a", "lead") == "b", "the next shift")
        #expect(person(.next, 21, told: "c") == "c", "who is alone is told again")
        #expect(person(.duty, 17, told: "b") == nil)
        #expect(person(.leader, 9, told: "b") == "b", "who leads nobody is on duty")
        #expect(person(.next, 17, told: "b") == "c")
    }

    /// Somebody who has a later shift as well is none the less behind nobody.
    @Test func everybodyOfTheShiftComesBeforeTheNextShift() {
        let posts = Posts([
            Self.shift("C0", 0, 24, "a"), Self.shift("C0", 0, 24, "b", order: 2),
            Self.shift("C0", 24, 48, "c"), Self.shift("C0", 24, 48, "a", order: 2),
            Self.shift("C0", 48, 72, "d"),
        ])
        var told = ["a"]
        for _ in 0..<6 {
            let next = posts.person(TellStep(who: .next), of: ["C0"], at: Self.hour, told: told)
            told.append(next?.person ?? "-")
        }
        #expect(told == ["a", "b", "c", "d", "a", "b", "c"])
    }

    @Test func beforeTheFirstShiftNobodyIsOnDuty() {
        let posts = Posts([Self.shift("C0", 10, 20, "a")])
        let gaps = posts.gaps(of: "C0", from: 2 * Self.hour, to: 12 * Self.hour)
        #expect(gaps.map(\.from) == [2 * Self.hour] && gaps[0].until == 10 * Self.hour)
        #expect(
            gaps[0].isBeforeFirst && posts.gaps(of: "C0", from: 11 * Self.hour, to: 12 * Self.hour).isEmpty)
    }

    /// Two appointments to one post, neither with an end: the later one ends the earlier.
    @Test func whoComesNextToThePostEndsWhoHeldItUntilFurtherNotice() {
        let never = LocalZone.acceptedTimes.upperBound
        func holder(
            _ person: String, from: Int64, until: Int64? = nil, unit: String = "C0", role: String = "head"
        )
            -> Posting
        {
            Posting(
                unit: unit, from: from * Self.hour, until: until.map { $0 * Self.hour } ?? never,
                person: person, role: role)
        }
        func heads(_ posts: Posts, _ time: Int64, role: String = "head") -> [String] {
            posts.responsible(of: "C0", at: time * Self.hour).filter { $0.role == role }.map(\.person)
        }
        let posts = Posts([
            holder("second", from: 10), holder("first", from: 0), holder("other", from: 12, role: "deputy"),
            holder("elsewhere", from: 5, unit: "B1"), holder("", from: 30),
        ])
        #expect(heads(posts, 4) == ["first"] && heads(posts, 10) == ["second"])
        #expect(heads(posts, 20) == ["second"] && heads(posts, 20, role: "deputy") == ["other"])
        #expect(heads(posts, 30).isEmpty, "vacant from then on")
        #expect(posts.postings.filter(\.isOpenEnded).map(\.person) == ["elsewhere", "other"])
        // Who says when it ends holds it so long, beside whoever takes it over.
        let both = Posts([holder("first", from: 0, until: 15), holder("second", from: 10)])
        #expect(heads(both, 12) == ["first", "second"] && heads(both, 15) == ["second"])
    }

    /// An alert goes to who is on duty for the unit or above it: where neither is, it reaches nobody.
    @Test func aUnitIsCoveredByItsOwnRosterAndByThoseAbove() {
        func uncovered(_ units: [String], _ from: Int64, _ to: Int64) -> [Int64] {
            posts.uncovered(units, from: from * Self.hour, to: to * Self.hour).map { $0.from / Self.hour }
        }
        #expect(uncovered(["B1", "C0"], 0, 24).isEmpty)
        #expect(uncovered(["B2", "C0"], 0, 24) == [16] && uncovered(["C0"], 0, 48) == [16, 24])
        #expect(uncovered(["B2"], 3, 5) == [3] && posts.uncovered(["B2"], from: 3, to: 5)[0].unit == "B2")
        #expect(posts.hasDuty(["B2", "B1"]) && !posts.hasDuty(["B2"]))
        #expect(!Posts([Self.shift("B2", 0, 9, "x", role: "head")]).hasDuty(["B2"]), "a role is no duty")
    }

    @Test func aDayRunsFromItsMidnightToTheNext() throws {
        let form = try CompiledForm(
            #require(FormCatalog.builtIn[BuiltIn.appointment]), settings: Settings(), zone: .fixed(hours: 8))
        let key = RecordKey(form: BuiltIn.appointment, values: [.text("B1"), .text("head"), .integer(100)])
        var state = RecordState()
        state.merge(
            Version(
                dot: Dot(origin: 1, sequence: 1), key: key, formRevision: 1, authored: 0, stated: 0,
                firstCreated: 0,
                assignments: [
                    Assignment(field: 1, retentionClass: 0, value: .integer(101)),
                    Assignment(field: 2, retentionClass: 0, value: .text("x")),
                ]), afterHole: false
        ) { _ in nil }
        let posting = try #require(form.posting(key, state.effective(under: form.mergeRules)))
        #expect(posting.from == 100 * 86_400_000 - 8 * Self.hour)
        #expect(posting.until == 102 * 86_400_000 - 8 * Self.hour)
        #expect(posting.role == "head" && posting.person == "x")
    }
}
