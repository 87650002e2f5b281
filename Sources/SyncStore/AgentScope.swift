import Forms
import SyncCore

/// Takes out of a branch's store what is no longer in its scope.
struct AgentScope {
    private let tables: any AgentTables
    private let own: Set<OriginID>

    init(_ tables: any AgentTables, own: [OwnOrigin]) {
        self.tables = tables
        self.own = Set(own.map(\.id))
    }

    /// Drops the copies of others' versions about somebody who has left this store's scope, except those of
    /// the days that stay. Own versions stay, and with them what they alone say.
    func leave(_ change: ScopeChange) throws {
        for definition in try tables.catalog().definitions {
            let roles = HubRoles(definition)
            // What a unit is called is everybody's, and so are forms that say so.
            if roles.isEverybodys { continue }
            let isPerson = change.subject.utf8.elementsEqual(BuiltIn.person.utf8)
            guard isPerson || change.subject.utf8.elementsEqual(BuiltIn.unit.utf8) else { continue }
            // A record about a person is in a scope because of the person, whatever unit its key names.
            guard let place = isPerson ? roles.personKey : roles.personKey == nil ? roles.unitKey : nil else {
                continue
            }
            let subject = Subject(
                form: Array(definition.form.utf8), keys: definition.keys.count, place: place,
                day: roles.dayKey, id: .text(change.id))
            for name in try names(of: subject) {
                let key = try TableAgentStore.key(of: name)
                let day = subject.day.flatMap { key.values[$0].integer }
                if !change.keeps(day, roles) { try forget(name) }
            }
        }
    }

    /// One form's records about somebody.
    private struct Subject {
        var form: [UInt8]
        var keys: Int
        var place: Int
        var day: Int?
        var id: Value

        func isAbout(_ values: [Value]) -> Bool {
            values.count == keys && values[place] == id && (day.map { values[$0].integer != nil } ?? true)
        }
    }

    /// Goes from day to day where keys begin with one: a lookup for each, not a walk over everybody's
    /// records.
    private func names(of subject: Subject) throws -> [RecordName] {
        var found: [RecordName] = []
        func take(_ key: [UInt8]) {
            let name = RecordName(form: subject.form, key: key)
            if let values = name.recordKey?.values, subject.isAbout(values) { found.append(name) }
        }
        if subject.place == 0 {
            let prefix = Canonical.encode(subject.id)
            if try tables.record(RecordName(form: subject.form, key: prefix)) != nil { take(prefix) }
            try each(subject.form, beginning: prefix, take)
            return found
        }
        var after: [UInt8]?
        while let next = try tables.records(form: subject.form, after: after, limit: 1).first?.key {
            var end = 0
            guard let first = Canonical.decode(next[...], at: &end) else {
                throw StoreError(.corrupt, "record key")
            }
            let prefix = Array(next[..<end])
            if subject.keys == 2 {
                let key = Canonical.encode(key: [first, subject.id])
                if try tables.record(RecordName(form: subject.form, key: key)) != nil { take(key) }
            } else {
                try each(subject.form, beginning: prefix, take)
            }
            // No value's kind is as high as this: it lies behind every key that begins so.
            after = prefix + [0xff]
        }
        return found
    }

    private func each(_ form: [UInt8], beginning prefix: [UInt8], _ body: ([UInt8]) -> Void) throws {
        var after = prefix
        while true {
            let page = try tables.records(form: form, after: after, limit: 100)
            for row in page {
                guard row.key.starts(with: prefix) else { return }
                body(row.key)
            }
            guard let last = page.last else { return }
            after = last.key
        }
    }

    private func forget(_ name: RecordName) throws {
        guard let state = try tables.record(name) else { return }
        // Written here under an earlier origin, it stays as well.
        var kept: [Dot] = []
        for version in try tables.versions(of: name) where !own.contains(version.dot.origin) {
            if try tables.head(of: version.dot) != nil {
                kept.append(version.dot)
            } else {
                try tables.remove(version.dot)
            }
        }
        let rest = state.limited(to: own, and: kept)
        if rest.isEmpty { try tables.removeRecord(name) } else { try tables.put(rest, of: name) }
    }
}

extension RecordState {
    /// What is left when only the versions of `origins` and `dots` are held. What was covered stays covered,
    /// and what is called alike stays so: the others' versions, when they come again, make the state what it
    /// was.
    func limited(to origins: Set<OriginID>, and dots: [Dot]) -> RecordState {
        let entries = seen.vector.entries.filter { origins.contains($0.origin) }
        let single = seen.dots.filter { origins.contains($0.origin) }
        var left =
            Context(canonical: VersionVector(canonical: entries) ?? VersionVector(), dots: single) ?? .empty
        for dot in dots {
            if seen.vector.covers(dot) { left.includePrefix(dot) } else { left.includeSingle(dot) }
        }
        return RecordState(
            siblings: siblings.filter { sibling in
                names(of: sibling.dot).contains { origins.contains($0.origin) || dots.contains($0) }
            },
            covers: covers, seen: left, firstCreated: firstCreated, formRevision: formRevision,
            aliases: aliases)
    }
}

extension ScopeChange {
    /// Whether a record of this day stays. One that begins a stay also says how what was there the day before
    /// has ended.
    func keeps(_ day: Int64?, _ roles: HubRoles) -> Bool {
        keeps(day) || roles.endsStay && (day.map { keeps($0.subtractingClamped(1)) } ?? false)
    }
}
