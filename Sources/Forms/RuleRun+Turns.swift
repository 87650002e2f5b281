import SyncCore

/// A record that waits for an answer, as far as it has come.
private struct Waiting {
    var key: RecordKey
    var form: RaisedForm
    var step: Int64
    var turn: String?
    /// When the last step was due; before the first, when the record came.
    var last: Milliseconds
    /// Whose turn it has been so far, as far as that was asked for.
    var told: [String] = []
}

extension RuleRun {
    /// Whose turn it is, for the records that wait.
    mutating func turns(_ touched: [TouchedRecord], _ scope: RuleScope) throws {
        let waitingForms = catalog.watches.filter(\.waitsForAnswer).map(\.raises.definition.form)
        var arrivals: [RecordKey: Milliseconds] = [:]
        // Of what arrives, hardly anything is a record that waits.
        for record in touched
        where waitingForms.contains(record.key.form) && arrivals[record.key] == nil {
            arrivals[record.key] = record.arrived
        }
        for event in outcome.events { arrivals[event.key] = event.at }
        for watch in catalog.watches {
            guard case .open(let conditions) = watch.kind else { continue }
            let form = watch.raises
            var waiting: [Waiting] = []
            let withdrawn = withdrawn
            try eachWaiting(of: form.definition.form, conditions, scope) { key, record in
                guard record.exists, !withdrawn.contains(key) else { return }
                let arrived = form.time("arrived_at", of: record) ?? arrivals[key] ?? now
                waiting.append(
                    Waiting(
                        key: key, form: form, step: form.value("step", of: record)?.integer ?? -1,
                        turn: form.text("turn", of: record),
                        last: form.time("due_at", of: record) ?? arrived))
            }
            for event in outcome.events where event.key.form == form.definition.form {
                guard case .raised = event.action else { continue }
                waiting.append(Waiting(key: event.key, form: form, step: -1, turn: nil, last: event.at))
            }
            for one in waiting { try follow(one) }
        }
    }

    private func eachWaiting(
        of form: String, _ conditions: [CompiledForm.Condition], _ scope: RuleScope,
        _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        func isWaiting(_ record: EffectiveRecord) -> Bool {
            conditions.contains { $0.holds(record[$0.field]) }
        }
        if case .records(let keys) = scope {
            let inOrder = keys.filter { $0.form == form }
                .map { (key: $0, bytes: Canonical.encode(key: $0.values)) }
                .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            for (key, _) in inOrder {
                if let record = try facts.record(key), isWaiting(record) { try body(key, record) }
            }
            return
        }
        if conditions.count == 1, conditions[0].kind == .text, let text = conditions[0].text {
            return try facts.each(of: form, where: conditions[0].field, is: text, body)
        }
        try facts.each(of: form, from: nil, to: nil) { key, record in
            if isWaiting(record) { try body(key, record) }
        }
    }

    /// Goes through the steps that are due, each at its own moment.
    private mutating func follow(_ waiting: Waiting) throws {
        let rule = waiting.form.rule(of: waiting.key)
        let tells = catalog.tells(rule: rule, raised: waiting.key.form)
        guard !tells.isEmpty else { return }
        let posts = try loadedPosts()
        // Without a roster there is nobody to go on to.
        if waiting.step >= 0, posts.postings.isEmpty { return }
        if let later = due(waiting, tells) { return isDue(waiting.key, at: later) }
        // As of the record's day: who is told about a day stays the same when units move later.
        let day = catalog[waiting.key.form]?.day(of: waiting.key) ?? catalog.zone.day(of: now)
        let units = try chain(of: try unit(of: waiting.key, on: day), on: day)
        var waiting = waiting
        waiting.told = try told(waiting, tells)
        func person(_ tell: CompiledTell, at time: Milliseconds, _ waiting: Waiting) -> String? {
            posts.person(tell.step, of: units, at: time, told: waiting.told)?.person
        }
        while true {
            if waiting.step >= 0, posts.postings.isEmpty { return }
            let index = Int(clamping: waiting.step + 1)
            let tell = tells[min(index, tells.count - 1)]
            if waiting.step >= 0, waiting.turn == nil, !isAhead(waiting),
                let found = filled(waiting, tells, units, posts)
            {
                outcome.events.append(
                    RuleEvent(
                        rule: rule, key: waiting.key,
                        action: .turn(step: waiting.step, person: found.person), at: found.time,
                        isUrgent: catalog.isUrgent(rule: rule, raised: waiting.key.form)))
                (waiting.turn, waiting.last) = (found.person, found.time)
                waiting.told.append(found.person)
                continue
            }
            var due = isAhead(waiting) ? now : waiting.last + tell.after
            if index >= tells.count, !isAhead(waiting) {
                // The last step comes again and again, and says something only when it is another's turn.
                guard tell.after > 0 else { return }
                due = again(waiting, after: tell.after)
                while due <= now, person(tell, at: due, waiting) == waiting.turn {
                    if due > through { outcome.hasPassed = true }
                    due += tell.after
                }
            }
            if due > now { return isDue(waiting.key, at: due) }
            let person = person(tell, at: due, waiting)
            outcome.events.append(
                RuleEvent(
                    rule: rule, key: waiting.key, action: .turn(step: Int64(index), person: person), at: due,
                    isUrgent: catalog.isUrgent(rule: rule, raised: waiting.key.form)))
            (waiting.step, waiting.turn, waiting.last) = (Int64(index), person, due)
            if let person { waiting.told.append(person) }
        }
    }

    /// When the next step of a record is due of which nothing is due now, by what its row says: of the many
    /// that wait few are due, and only of those is asked for more. Nil where more has to be asked.
    private func due(_ waiting: Waiting, _ tells: [CompiledTell]) -> Milliseconds? {
        guard waiting.step < 0 || waiting.turn != nil, !isAhead(waiting) else {
            return nil
        }
        let index = Int(clamping: waiting.step + 1)
        let after = tells[min(index, tells.count - 1)].after
        if index >= tells.count, after <= 0 { return nil }
        let due = index < tells.count ? waiting.last + after : again(waiting, after: after)
        return due > now ? due : nil
    }

    /// Told by a clock that ran ahead: nobody has been told when it says so.
    private func isAhead(_ waiting: Waiting) -> Bool { waiting.last > now + RuleEngine.clockSlack }

    /// When the last step comes again, for the first time that is not done yet.
    private func again(_ waiting: Waiting, after: Milliseconds) -> Milliseconds {
        let due = waiting.last + after
        return due <= through ? due + (through - due) / after * after : due
    }

    /// Whose turn it has been before anything is due now, where a step asks for it.
    private func told(_ waiting: Waiting, _ tells: [CompiledTell]) throws -> [String] {
        guard waiting.step >= 0, tells.contains(where: { $0.step.who == .next }),
            let field = waiting.form.field("turn")
        else { return [] }
        return try facts.turns(of: waiting.key, field)
    }

    /// It was nobody's turn: when the roster names somebody for that step after all, unless the next comes
    /// first.
    private mutating func filled(
        _ waiting: Waiting, _ tells: [CompiledTell], _ units: [String], _ posts: Posts
    ) -> (time: Milliseconds, person: String)? {
        let index = Int(clamping: waiting.step)
        let step = tells[min(index, tells.count - 1)].step
        let next = waiting.last + tells[min(index + 1, tells.count - 1)].after
        let start = min(max(waiting.last, rosterCame ?? through), now)
        let begins = posts.begins(of: units, role: step.role ?? "", after: start)
        if let later = begins.first(where: { $0 > now }) { isDue(waiting.key, at: later) }
        // What came of the roster counts from then on; else a shift has begun meanwhile, or whose unit it is
        // has changed.
        let times = (rosterCame == nil ? [] : [start]) + begins.filter { $0 <= now } + [now]
        // Steps that were due before the roster came found nobody to tell.
        for time in times where time < next || next <= max(through, rosterCame ?? through) {
            if let person = posts.person(step, of: units, at: time, told: waiting.told)?.person {
                return (time, person)
            }
        }
        return nil
    }

    /// The unit that a raised record is about: its own, or its person's on its day. Of somebody on no
    /// register it is the reporting branch's, and the topmost where the centre took it down itself: an alert
    /// is somebody's turn whoever it is about.
    private mutating func unit(of key: RecordKey, on day: Int32) throws -> String {
        guard let form = catalog[key.form] else { return "" }
        if let (_, unit) = form.dayAndUnit(of: key) { return unit }
        if let (day, person) = form.dayAndPerson(of: key), let unit = try facts.unit(of: person, on: day) {
            return unit
        }
        if let unit = try facts.reportingUnit(of: key) { return unit }
        if let cause = catalog.cause(of: key), let unit = try facts.reportingUnit(of: cause.key) {
            return unit
        }
        return try tops(on: day).first?.unit ?? ""
    }
}
