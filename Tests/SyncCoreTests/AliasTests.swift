import SyncCore
import Testing

/// Versions that were written again under other origins, beside a model that knows which are the same.
@Suite struct AliasTests {
    /// What a journal holds under a dot, with the number of what it truly is.
    private struct Held {
        var version: Version
        var truth: Int
        var afterHole: Bool
    }

    private static let rules = MergePropertyTests.rules

    private static func dot(_ origin: UInt64, _ sequence: UInt64) -> Dot {
        Dot(origin: origin, sequence: sequence)
    }

    private static func version(
        _ name: Dot, _ value: Int64, seen: Context = .empty, at time: Milliseconds = 10, first: Dot? = nil
    ) -> Version {
        var version = RecordStateTests.version(
            name.origin, name.sequence, [1: .integer(value)], seen: seen, stated: time)
        version.authoredDot = first
        return version
    }

    private static func seen(_ dots: Dot...) -> Context {
        var context = Context.empty
        for dot in dots { context.includeSingle(dot) }
        return context
    }

    /// As a store does: what was covered is looked up in the journal.
    private static func state(_ list: [Held]) -> RecordState {
        var state = RecordState()
        var journal: [Dot: Version] = [:]
        for held in list {
            journal[held.version.dot] = held.version
            state.merge(held.version, afterHole: held.afterHole) { journal[$0] }
        }
        return state
    }

    private static func state(_ versions: Version...) -> RecordState {
        state(versions.map { Held(version: $0, truth: 0, afterHole: false) })
    }

    // MARK: - Single cases

    @Test func aCoverOfOneNameCoversAll() {
        let original = Self.version(Self.dot(1, 1), 1)
        let again = Self.version(Self.dot(5, 1), 1, first: original.dot)
        let edit = Self.version(Self.dot(2, 1), 2, seen: Self.seen(again.dot), at: 20)
        for order in [[original, again, edit], [original, edit, again], [edit, again, original]] {
            let state = Self.state(order.map { Held(version: $0, truth: 0, afterHole: false) })
            #expect(state.siblings.map(\.dot) == [edit.dot])
            #expect(!state.effective(under: Self.rules).hasConflict)
            #expect(state.names(of: again.dot) == [original.dot, again.dot])
        }
    }

    @Test func whatWasCoveredBeforeItsOtherNameCameStaysCovered() {
        let original = Self.version(Self.dot(9, 1), 1)
        let edit = Self.version(Self.dot(2, 1), 2, seen: Self.seen(original.dot), at: 20)
        let again = Self.version(Self.dot(5, 1), 1, first: original.dot)
        let state = Self.state(original, edit, again)
        #expect(state.siblings == [edit])
        #expect(state == Self.state(again, original, edit))
    }

    @Test func theSameFirstNameWithOtherContentIsAnotherVersion() {
        let one = Self.version(Self.dot(1, 1), 1)
        let other = Self.version(Self.dot(5, 1), 2, at: 11, first: one.dot)
        let edit = Self.version(Self.dot(2, 1), 3, seen: Self.seen(one.dot), at: 20)
        for order in [[one, other, edit], [edit, other, one], [one, edit, other]] {
            let state = Self.state(order.map { Held(version: $0, truth: 0, afterHole: false) })
            #expect(state.siblings.map(\.dot) == [edit.dot, other.dot])
            #expect(state.effective(under: Self.rules).hasConflict, "nobody was shown the other one")
        }
    }

    @Test func anAuthoredDotOfTheOwnOriginNamesNothing() {
        let one = Self.version(Self.dot(1, 1), 1)
        let other = Self.version(Self.dot(1, 2), 1, first: one.dot)
        let state = Self.state(one, other)
        #expect(state.siblings.count == 2 && state.aliases.isEmpty)
    }

    @Test func anAuthorWhoWasShownARecordWasShownAllNames() throws {
        let original = Self.version(Self.dot(1, 1), 1)
        let again = Self.version(Self.dot(5, 1), 1, first: original.dot)
        let other = Self.version(Self.dot(2, 1), 2, at: 20)
        let state = Self.state(original, again, other)
        #expect(try #require(state.conflicts(under: Self.rules).first).options.count == 2)
        #expect([original, again].allSatisfy { state.seen.covers($0.dot) })
        // What is left open is left open under each of its names.
        let context = state.context(leaving: [original.dot])
        #expect(context.covers(other.dot) && !context.covers(original.dot) && !context.covers(again.dot))
    }

    @Test func aRenameOfARenameKeepsTheFirstName() {
        let original = Self.version(Self.dot(1, 3), 1)
        let once = original.renamed([OriginRename(origin: 1, after: 2, fresh: 5)])
        let twice = once.renamed([OriginRename(origin: 5, after: 0, fresh: 6)])
        #expect(once.dot == Self.dot(5, 1) && twice.dot == Self.dot(6, 1))
        #expect(twice.authoredDot == original.dot && twice.firstName == original.dot)
        let state = Self.state(twice, original, once)
        #expect(state.siblings.map(\.dot) == [original.dot])
        #expect(state.names(of: twice.dot) == [original.dot, once.dot, twice.dot])
    }

    @Test func aHistoryShowsOneVersionWithItsNames() throws {
        let original = Self.version(Self.dot(7, 1), 1)
        let again = Self.version(Self.dot(5, 1), 1, first: original.dot)
        let edit = Self.version(Self.dot(2, 1), 2, seen: Self.seen(original.dot), at: 20)
        let history = History([edit, again, original], under: Self.rules)
        #expect(history.entries.map(\.names) == [[again.dot, original.dot], [edit.dot]])
        #expect(history[again.dot] == history[original.dot])
        let fate = try #require(history[again.dot]?.fates.first { $0.field == 1 })
        #expect(fate.outcome == .replaced && fate.by == [edit.dot])
        // Held back under one name, it counts under the other.
        let held = History([edit, again, original], heldBack: [original.dot], under: Self.rules)
        #expect(held[original.dot]?.fates.first?.outcome == .heldBack)
        #expect(held[again.dot]?.fates.first { $0.field == 1 }?.outcome == .inQuestion)
    }

    // MARK: - Any versions

    /// Originals of four origins, some of them not held; names of theirs under four more; others that were
    /// called alike; contexts that name any of them.
    private static func world(_ random: inout SeededRandom) -> [Held] {
        var list = MergePropertyTests.versions(&random).enumerated().map {
            Held(version: $0.element.version, truth: $0.offset, afterHole: $0.element.afterHole)
        }
        let originals = list
        for index in list.indices { list[index].version.authored += Int64(index) * 10 }
        var next: [UInt64: UInt64] = [:]
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            guard var held = list.randomElement(using: &random) else { break }
            let origin = UInt64.random(in: 5...8, using: &random)
            next[origin, default: 0] += 1
            held.version.authoredDot = held.version.firstName
            held.version.dot = dot(origin, next[origin] ?? 1)
            if Int.random(in: 0..<4, using: &random) == 0 {
                held.truth = list.count + 100
                held.version.authored = 1_000 * Int64(held.truth)
            }
            list.append(held)
        }
        let all = list.map(\.version.dot)
        for index in list.indices {
            var context = list[index].version.context
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                guard let shown = all.randomElement(using: &random) else { continue }
                if Bool.random(using: &random) {
                    context.includePrefix(shown)
                } else {
                    context.includeSingle(shown)
                }
            }
            list[index].version.context = context
        }
        let gone = Set(
            originals.map(\.version.dot).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        return list.filter { !gone.contains($0.version.dot) }
    }

    @Test(arguments: [61, 62, 63, 64] as [UInt64])
    func orderGroupingAndRepetitionDoNotMatter(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<150 {
            let all = Self.world(&random)
            let straight = Self.state(all)
            let form = Array(RecordStateTests.key.form.utf8)
            let key = Canonical.encode(key: RecordStateTests.key.values)
            for other in [
                Self.state(all.shuffled(using: &random)), Self.state(all.reversed() + all),
                Self.state(all.shuffled(using: &random) + all.shuffled(using: &random)),
            ] {
                #expect(straight == other, "seed \(seed), round \(round)")
                #expect(
                    straight.effective(under: Self.rules) == other.effective(under: Self.rules),
                    "seed \(seed), round \(round)")
                #expect(
                    RecordPrint(form: form, key: key, straight) == RecordPrint(form: form, key: key, other),
                    "seed \(seed), round \(round)")
            }
            let versions = all.map(\.version)
            #expect(
                History(versions, under: Self.rules)
                    == History(versions.shuffled(using: &random), under: Self.rules),
                "seed \(seed), round \(round)")
        }
    }

    /// The model knows what is truly the same: a field's candidates are what was shown to nobody under any of
    /// its names, each once.
    @Test(arguments: [71, 72, 73] as [UInt64])
    func candidatesAreWhatNobodyWasShownUnderAnyName(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<150 {
            let all = Self.world(&random)
            let state = Self.state(all)
            let record = state.effective(under: Self.rules)
            let truths = Dictionary(
                all.map { ($0.version.dot, $0.truth) }, uniquingKeysWith: { one, _ in one })
            for field in FieldID(1)...7 {
                let writers = all.filter { held in
                    held.version.assignments.contains { $0.field == field }
                }
                let covered = Set(
                    writers.filter { held in
                        writers.contains { $0.version.context.covers(held.version.dot) }
                    }.map(\.truth))
                let open = Set(writers.map(\.truth)).subtracting(covered)
                let found = record.fields.first { $0.field == field }?.candidates ?? []
                #expect(found.count == open.count, "seed \(seed), round \(round), field \(field)")
                #expect(
                    Set(found.compactMap { truths[$0.setter] }) == open,
                    "seed \(seed), round \(round), field \(field)")
            }
            let history = History(all.map(\.version), under: Self.rules)
            #expect(history.entries.count == Set(all.map(\.truth)).count, "seed \(seed), round \(round)")
            for entry in history.entries {
                #expect(entry.names == state.names(of: entry.version.dot), "seed \(seed), round \(round)")
                for fate in entry.fates where fate.field != RecordState.existence {
                    let stands = record.fields.first { $0.field == fate.field }?.candidates.contains {
                        $0.setter == entry.version.dot
                    }
                    #expect(
                        (fate.outcome == .replaced) == (stands != true), "seed \(seed), round \(round)")
                }
            }
        }
    }
}
