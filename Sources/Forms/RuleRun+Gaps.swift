import SyncCore

/// Nobody is on duty.
extension RuleRun {
    /// What a gap is called: the key's day and what it is about, and how it is told.
    private struct Named: Hashable {
        var day: Int32
        var unit: String
        var about: String
        var words: String
    }

    private func name(_ gap: PostGap) -> Named {
        let zone = catalog.zone
        if gap.isBeforeFirst, let until = gap.until {
            let words = "- " + zone.text(until)
            return Named(day: zone.day(of: until), unit: gap.unit, about: words, words: words)
        }
        return Named(
            day: zone.day(of: gap.from), unit: gap.unit, about: zone.text(gap.from),
            words: zone.text(gap.from) + " - " + (gap.until.map { zone.text($0) } ?? ""))
    }

    mutating func gaps(_ watch: CompiledWatch, _ ahead: Milliseconds) throws {
        let posts = try loadedPosts()
        for unit in posts.dutyUnits {
            for gap in posts.gaps(of: unit, from: through, to: now + ahead + 1) {
                var time = max(gap.from - ahead, through)
                if gap.isBeforeFirst {
                    // The roster begins with a shift that has not come: until then nobody is on duty.
                    guard let until = gap.until, until > now else { continue }
                    time = min(rosterCame ?? now, now)
                }
                try raise(watch, gap, at: time)
            }
            let later = posts.gaps(of: unit, from: now + ahead + 1, to: .max).first {
                !$0.isBeforeFirst && $0.from > now + ahead
            }
            if let later { isDue(next: later.from - ahead) }
        }
    }

    private mutating func raise(
        _ watch: CompiledWatch, _ gap: PostGap, of units: [String] = [], at time: Milliseconds
    ) throws {
        let name = name(gap)
        try raise(
            watch, day: name.day, unit: name.unit, about: name.about, [name.words] + named(units), at: time)
    }

    /// Units with people of whom neither themselves nor one above has a shift: an alert there reaches
    /// nobody. It is said of the unit above all of them, once.
    mutating func without(_ watch: CompiledWatch, since span: Milliseconds) throws {
        for gap in try topsWithoutRoster() {
            let due = gap.from + span
            if due > now {
                isDue(next: due)
                continue
            }
            let name = name(gap)
            let key = RecordKey(
                form: watch.raises.definition.form,
                values: [
                    .integer(Int64(name.day)), .text(watch.id), .text(name.unit), .text(name.about),
                ])
            // The register is looked at where it is not said yet.
            let isSaid = try facts.record(key)?.exists ?? false
            if isSaid, !doubted.contains(key) { continue }
            let units = try uncovered(below: gap.unit)
            if !units.isEmpty { try raise(watch, gap, of: units, at: max(due, through)) }
        }
    }

    /// The gaps that have no shift before them: of units above all others that have no roster.
    private mutating func topsWithoutRoster() throws -> [PostGap] {
        let posts = try loadedPosts()
        return try tops(on: catalog.zone.day(of: now)).filter { !posts.hasDuty([$0.unit]) }
            .map { PostGap(unit: $0.unit, from: $0.since, until: nil) }
    }

    /// Units with people on today's register, in or below `top`, that have no roster, nor has one above.
    private mutating func uncovered(below top: String) throws -> [String] {
        let posts = try loadedPosts()
        let today = catalog.zone.day(of: now)
        let people = try people(on: today)
        var found: [String] = []
        for unit in try loadedUnits() where unit.line == CoverageCount.line {
            guard people[Array(unit.unit.utf8)] != nil else { continue }
            let chain = try chain(of: unit.unit, on: today)
            if chain[0].utf8.elementsEqual(top.utf8), !posts.hasDuty(chain) { found.append(unit.unit) }
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The roster has changed: gaps that are none any more are over, unless somebody has them in hand.
    mutating func filled(_ watch: CompiledWatch, hasNever: Bool) throws {
        let posts = try loadedPosts()
        var standing: Set<Named> = []
        for unit in posts.dutyUnits {
            standing.formUnion(posts.gaps(of: unit, from: .min, to: .max).map(name))
        }
        for gap in hasNever ? try topsWithoutRoster() : [] where try !uncovered(below: gap.unit).isEmpty {
            standing.insert(name(gap))
        }
        let there = Set(standing.map { Named(day: $0.day, unit: $0.unit, about: $0.about, words: "") })
        let raised = watch.raises
        var over: [Named] = []
        try facts.each(of: raised.definition.form, from: nil, to: nil) { key, record in
            guard raised.rule(of: key).utf8.elementsEqual(watch.id.utf8), key.values.count == 4,
                let day = key.values[0].integer, let unit = key.values[2].string,
                let about = key.values[3].string, raised.status(of: record) == RaisedForm.open
            else { return }
            let name = Named(day: Int32(clamping: day), unit: unit, about: about, words: "")
            if !there.contains(name) { over.append(name) }
        }
        for name in over {
            try takeBack(
                watch, day: name.day, unit: name.unit, about: name.about, at: min(rosterCame ?? now, now))
        }
    }
}
