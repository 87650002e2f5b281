package import SyncCore

extension MemoryHubStore {
    /// Looks for the nodes of units once more, where the tree has changed.
    func settle() {
        guard content.register.isStale else { return }
        var register = content.register
        content.register = HubRegister()
        let moved = register.settle { hasFeed($0) }
        content.register = register
        content.touched.merge(moved) { first, _ in first }
    }

    /// Sets the scopes of a segment that is about to be logged, and moves earlier versions to the scopes that
    /// the register gives them now.
    func rescope(_ segment: inout Segment, today: Int32) {
        let yesterday = content.scopeDay ?? today
        content.scopeDay = today
        settle()
        var subjects = Set(content.touched.keys)
        content.touched = [:]
        if yesterday != today {
            subjects.formUnion(content.register.moved(between: yesterday, and: today))
        }
        for row in segment.scopes.indices where !segment.quarantined[row] {
            let key = segment.batch.version(at: row).key
            if let new = scope(of: key, among: subjects, today: today)?.scope { segment.scopes[row] = new }
        }
        segment.fedTo = segment.scopes
        segment.work = moves(among: subjects, today: today).flatMap { $0.pieces { _ in 0 } }
    }

    /// Who a record is about, by which it is in a scope.
    private func subject(of key: RecordKey) -> HubSubject? {
        guard let roles = table(key.form)?.roles, !roles.isEverybodys,
            let place = roles.personKey ?? roles.unitKey, place < key.values.count,
            case .text(let text) = key.values[place], let number = content.terms[text]
        else { return nil }
        return HubSubject(number: number, isUnit: roles.personKey == nil)
    }

    private func scope(
        of key: RecordKey, among subjects: Set<HubSubject>, today: Int32
    ) -> (subject: HubSubject, scope: HubScope)? {
        guard let subject = subject(of: key), subjects.contains(subject),
            let roles = table(key.form)?.roles
        else { return nil }
        let day = roles.dayKey.flatMap { key.values[$0].integer }.map { Int32(clamping: $0) }
        let stays = content.register.placed(subject)
        return (
            subject, HubRegister.scope(stays, day: day, today: today, ends: roles.ends)
        )
    }

    private func moves(among subjects: Set<HubSubject>, today: Int32) -> [HubScopeWork] {
        guard !subjects.isEmpty else { return [] }
        var shift = HubScopeShift()
        for place in content.log.indices {
            for row in content.log[place].scopes.indices where !content.log[place].quarantined[row] {
                let key = content.log[place].batch.version(at: row).key
                guard let found = scope(of: key, among: subjects, today: today) else { continue }
                let version = HubPlaceInLog(position: UInt64(place) + 1, row: UInt32(row))
                if table(key.form)?.roles.endsStay == true,
                    content.register.placed(found.subject).contains(where: content.register.isUnion)
                {
                    shift.keep(version, of: found.subject, in: found.scope)
                }
                if found.scope == content.log[place].scopes[row] { continue }
                shift.add(
                    version, of: found.subject, from: content.log[place].scopes[row], to: found.scope)
                content.log[place].scopes[row] = found.scope
            }
        }
        return shift.work(content.register, today: today)
    }

    /// Whether devices of `unit` see the record, by the register as it stands: for simulations.
    package func isInScope(_ key: RecordKey, of unit: String) -> Bool {
        guard let root = content.terms[Array(unit.utf8)], let today = content.scopeDay,
            let subject = subject(of: key)
        else { return false }
        let nodes = content.register.nodes(seenBy: root)
        let scope = scope(of: key, among: [subject], today: today)?.scope ?? .none
        return scope.units.contains { nodes.contains($0) }
    }

    /// Whether anything has ever been in the unit's scope: a device may still be behind what took it out
    /// again.
    private func hasFeed(_ unit: Int64) -> Bool {
        content.log.contains { segment in
            segment.fedTo.contains { $0.units.contains(unit) }
                || segment.work.contains { $0.audience == unit }
        }
    }
}
