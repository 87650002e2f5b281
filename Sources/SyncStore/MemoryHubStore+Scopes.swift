package import SyncCore

extension MemoryHubStore {
    /// Sets the scopes of a segment that is about to be logged, and moves earlier versions to the scopes that
    /// the register gives them now.
    func rescope(_ segment: inout Segment, today: Int32) {
        let yesterday = content.scopeDay ?? today
        content.scopeDay = today
        var persons = content.touched
        content.touched = [:]
        if yesterday != today {
            for person in content.register.moved(between: yesterday, and: today) where persons[person] == nil
            {
                persons[person] = content.register.stays(of: person)
            }
        }
        let touched = persons
        for row in segment.scopes.indices where !segment.quarantined[row] {
            if let new = scope(of: segment.batch.version(at: row).key, among: touched, today: today)?.scope {
                segment.scopes[row] = new
            }
        }
        segment.fedTo = segment.scopes
        let position = UInt64(content.log.count) + 1
        segment.work = moves(among: touched, today: today)
        if let parents = content.parentsBefore {
            content.parentsBefore = nil
            let links = HubLinkShift(from: parents, to: content.register.parents)
            segment.work += relink(links, at: position, work: segment.work, today: today)
        }
        segment.work = segment.work.flatMap { $0.pieces { _ in 0 } }
    }

    private func scope(
        of key: RecordKey, among persons: [Int64: [HubRegister.Stay]], today: Int32
    ) -> (person: Int64, scope: HubScope)? {
        guard let roles = table(key.form)?.roles, !roles.isEverybodys, let place = roles.personKey,
            place < key.values.count, case .text(let text) = key.values[place],
            let person = content.terms[text],
            persons[person] != nil
        else { return nil }
        let day = roles.dayKey.flatMap { key.values[$0].integer }.map { Int32(clamping: $0) }
        let stays = content.register.stays(of: person)
        return (
            person, HubRegister.scope(stays, day: day, today: today, endsStay: roles.endsStay)
        )
    }

    private func moves(among persons: [Int64: [HubRegister.Stay]], today: Int32) -> [HubScopeWork] {
        guard !persons.isEmpty else { return [] }
        var shift = HubScopeShift()
        for place in content.log.indices {
            for row in content.log[place].scopes.indices where !content.log[place].quarantined[row] {
                let key = content.log[place].batch.version(at: row).key
                guard let found = scope(of: key, among: persons, today: today),
                    found.scope != content.log[place].scopes[row]
                else { continue }
                shift.add(
                    HubPlaceInLog(position: UInt64(place) + 1, row: UInt32(row)), of: found.person,
                    from: content.log[place].scopes[row], to: found.scope)
                content.log[place].scopes[row] = found.scope
            }
        }
        return shift.work(content.register, today: today)
    }

    private func relink(
        _ links: HubLinkShift, at position: UInt64, work: [HubScopeWork], today: Int32
    ) -> [HubScopeWork] {
        for link in links.lost { content.since[link] = nil }
        let lost = links.lost.filter { hasFeed($0.unit) }
        let all = content.log.flatMap(\.work) + work
        var result = HubLinkShift.leaves(lost, content.register, today: today) { unit in
            all.filter { $0.kind == .leave && $0.audience == unit && !$0.isExact }.map(\.subject)
        }
        for link in links.gained where hasFeed(link.unit) {
            content.since[link] = position
            result += HubLinkShift.enters(link, places: places(of: link.unit, and: work))
        }
        return result
    }

    /// Whether devices of `unit` see the record, by the register as it stands: for simulations.
    package func isInScope(_ key: RecordKey, of unit: String) -> Bool {
        guard let root = content.terms[Array(unit.utf8)], let today = content.scopeDay,
            let place = table(key.form)?.roles.personKey, case .text(let text) = key.values[place],
            let person = content.terms[text]
        else { return false }
        let stays = [person: content.register.stays(of: person)]
        let units = content.register.subtree(root)
        let scope = scope(of: key, among: stays, today: today)?.scope ?? .none
        return scope.units.contains { units.contains($0) }
    }

    /// Whether anything has ever been in the unit's scope: a device may still be behind what took it out
    /// again.
    private func hasFeed(_ unit: Int64) -> Bool {
        content.log.contains { segment in
            segment.fedTo.contains { $0.units.contains(unit) }
                || segment.work.contains { $0.audience == unit && !$0.isExact }
        }
    }

    /// Everything that lies in the scope of a unit so far.
    private func places(of unit: Int64, and last: [HubScopeWork]) -> [HubPlaceInLog] {
        var places: Set<HubPlaceInLog> = []
        func follow(_ work: [HubScopeWork]) {
            for work in work where work.audience == unit && !work.isExact {
                if work.kind == .versions { places.formUnion(work.places) }
                if work.kind == .drop { places.subtract(work.places) }
            }
        }
        for place in content.log.indices {
            follow(content.log[place].work)
            for row in content.log[place].fedTo.indices
            where content.log[place].fedTo[row].units.contains(unit) && !content.log[place].quarantined[row] {
                places.insert(HubPlaceInLog(position: UInt64(place) + 1, row: UInt32(row)))
            }
        }
        follow(last)
        return places.sorted()
    }
}
