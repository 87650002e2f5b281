import Forms
public import SyncCore

extension MemoryHubStore {
    public func ingest(
        _ submissions: [Submission], now: Milliseconds, progress: (IngestStage) -> Void
    ) throws -> [HubSession.Outcome] {
        try transaction {
            let outcomes = try submissions.enumerated().map { index, submission in
                progress(.judging(index))
                return try take(submission, now: now) { progress(.applying(index)) }
            }
            progress(.committing)
            for (submission, outcome) in zip(submissions, outcomes) {
                if case .held = outcome { try renewReceipt(of: submission.batch.origin, now: now) }
            }
            return zip(submissions, outcomes).map { submission, outcome in
                guard case .held(_, let position) = outcome else { return outcome }
                return .held(receipt: content.origins[submission.batch.origin]?.receipt, position: position)
            }
        }
    }

    public func suspicion() -> [UInt8] { content.suspicion }
    public func keep(suspicion: [UInt8]) { content.suspicion = suspicion }

    public func pass(_ hole: Hole, for session: SessionRef, now: Milliseconds) throws -> HubSession.Outcome {
        try transaction {
            if let refuse = refusal(of: session) { return .refused(refuse) }
            guard let origin = content.origins[hole.origin], origin.device == session.device else {
                return .refused(Refuse(.originOfAnother))
            }
            if hole.sequence > origin.held {
                if let refuse = judge.judge(
                    hole, of: origin, hub: means.keys, epoch: session.isSurrender ? nil : epoch)
                {
                    return .refused(refuse)
                }
                content.origins[hole.origin]?.held = hole.sequence
                content.origins[hole.origin]?.head = hole.head
                content.origins[hole.origin]?.passed = hole.sequence
                content.audit.append(IdentityAudit.holePassed)
            }
            return .held(receipt: content.origins[hole.origin]?.receipt, position: logEnd.position)
        }
    }

    private func refusal(of session: SessionRef) -> Refuse? {
        guard let device = content.devices.first(where: { $0.info.id == session.device }) else {
            return Refuse(.unknownDevice)
        }
        let replica = content.replicas.first { $0.facts.id == session.replica }
        let isLatest = session.number > 0 && replica?.facts.session == session.number
        guard isLatest || defects.contains(.sessionUnchecked) else { return Refuse(.replaced) }
        switch device.info.state {
        case .active: return nil
        case .pending: return Refuse(.pendingDevice)
        case .revoked: return session.isSurrender ? nil : .revoked
        }
    }

    private func take(
        _ submission: Submission, now: Milliseconds, willApply: () -> Void
    ) throws -> HubSession.Outcome {
        let batch = submission.batch
        if let refuse = refusal(of: submission.session) { return .refused(refuse) }
        guard let device = content.devices.first(where: { $0.info.id == submission.session.device }) else {
            return .refused(Refuse(.unknownDevice))
        }
        guard let origin = content.origins[batch.origin], origin.device == device.info.id else {
            return .refused(Refuse(.originOfAnother))
        }
        let judgement = judge.judge(
            batch, part: submission.part?.range, of: origin, publicKey: device.publicKey
        ) { day, retentionClass in
            content.salts[SaltName(origin: batch.origin, day: day, retentionClass: retentionClass)]
        }
        switch judgement {
        case .held: return .held(receipt: nil, position: logEnd.position)
        case .gap(let gap): return .gap(gap)
        case .fork(let fork): return .fork(fork)
        case .refused(let refuse): return .refused(refuse)
        case .fresh(let walk, let sealed):
            if submission.session.isSurrender,
                let index = content.devices.firstIndex(where: { $0.info.id == device.info.id })
            {
                let sum = content.devices[index].surrendered + batch.encodedRows.count
                guard sum <= means.surrenderLimit else { return .refused(.surrenderedEnough) }
                content.devices[index].surrendered = sum
            } else if let index = content.devices.firstIndex(where: { $0.info.id == device.info.id }) {
                let day = HubDay.number(of: now)
                let known = content.devices[index].day
                let taken = known.number == day ? known.bytes : 0
                let bytes = batch.encodedRows.count
                guard HubDay.fits(bytes, in: origin.lane, taken: taken, limit: means.dayLimit) else {
                    return .refused(.dayIsFull(now))
                }
                content.devices[index].day = (day, taken + Int64(bytes))
            }
            willApply()
            let root = number(of: Array(device.info.unit.utf8))
            let range = submission.part?.range ?? batch.first...batch.last
            var segment = Segment(
                batch.part(range, walk: walk, before: origin.head), before: origin.head,
                after: walk.heads.last ?? origin.head)
            let isDestroyed = batch.salts.contains { grant in
                content.destroyed.contains(
                    SaltName(origin: batch.origin, day: grant.day, retentionClass: grant.retentionClass))
            }
            if isDestroyed { segment.heads = walk.heads }
            if submission.session.isSurrender, !defects.contains(.revokedCounts) {
                setAside(&segment, for: Reason.revokedDevice)
            } else if submission.part?.isRaw == true {
                setAside(&segment, for: Reason.trap)
            } else {
                apply(&segment, root: root, now: now)
            }
            if let index = content.replicas.firstIndex(where: { $0.facts.id == submission.session.replica }) {
                content.replicas[index].facts.rival = nil
            }
            if let index = content.devices.firstIndex(where: { $0.info.id == device.info.id }) {
                switch origin.lane {
                case .urgent: content.devices[index].info.urgent.arrived(range.count)
                case .routine: content.devices[index].info.routine.arrived(range.count)
                }
            }
            if defects.contains(.appliedTwice) { _ = append(segment, sealed: sealed, now: now) }
            return .held(receipt: nil, position: append(segment, sealed: sealed, now: now))
        }
    }

    /// Quarantines every version without looking into it.
    private func setAside(_ segment: inout Segment, for reason: String) {
        keepSalts(of: segment.batch)
        for row in 0..<segment.batch.count {
            let version = segment.batch.version(at: row)
            segment.quarantined[row] = true
            segment.verdicts.append(Verdict(dot: version.dot, kind: .quarantined, reason: reason))
            content.holes[RecordName(version.key), default: []].insert(segment.batch.origin)
            if reason == Reason.trap { content.audit.append("set_aside") }
        }
    }

    private func keepSalts(of batch: VersionBatch) {
        for grant in batch.salts {
            let name = SaltName(
                origin: batch.origin, day: grant.day, retentionClass: grant.retentionClass)
            if content.salts[name] == nil, !content.destroyed.contains(name) {
                content.salts[name] = grant.salt
            }
        }
    }

    /// Merges the rows of a segment, with everything that is found out about them.
    func apply(_ segment: inout Segment, root: Int64, now: Milliseconds) {
        keepSalts(of: segment.batch)
        let columns = segment.batch.rows
        let findings = notWritable(segment.batch) + catalog.findings(of: columns)
        let versions = (0..<columns.count).map { segment.batch.version(at: $0) }
        for finding in findings {
            let dot = segment.batch.dot(at: finding.row)
            let kind: Verdict.Kind = finding.isRefusal ? .quarantined : .noted
            segment.verdicts.append(
                Verdict(dot: dot, kind: kind, reason: finding.reason, field: finding.field))
            let isHeldBack = finding.isRefusal && !defects.contains(.quarantineCounts)
            if isHeldBack { segment.quarantined[finding.row] = true }
        }
        for row in versions.indices where segment.quarantined[row] {
            content.holes[RecordName(versions[row].key), default: []].insert(segment.batch.origin)
        }
        let ranks: [HubRoles.Kind] = [.unit, .placement, .person, .membership, .excuse]
        let order = versions.indices.sorted { left, right in
            let kinds = [left, right].map { table(versions[$0].key.form)?.roles.kind }
            let rank = kinds.map { kind in ranks.firstIndex { $0 == kind } ?? ranks.count }
            return (rank[0], left) < (rank[1], right)
        }
        for row in order where !segment.quarantined[row] {
            apply(versions[row], row: row, &segment, root: root, today: catalog.zone.day(of: now))
        }
    }

    /// What a branch wrote though only the centre may.
    private func notWritable(_ batch: VersionBatch) -> [Finding] {
        guard content.origins[batch.origin]?.device != nil else { return [] }
        return batch.rows.groups.flatMap { group -> [Finding] in
            guard let form = catalog[group.form], !form.definition.isWritable(by: .branch) else { return [] }
            return group.rows.map {
                Finding(row: Int($0), isRefusal: true, reason: Reason.notWritable, field: 0)
            }
        }
    }

    private func apply(_ version: Version, row: Int, _ segment: inout Segment, root: Int64, today: Int32) {
        guard let roles = table(version.key.form)?.roles else { return }
        if Retention(means.forms, today: today).isOver(version.key) {
            segment.verdicts.append(
                Verdict(dot: version.dot, kind: .noted, reason: Reason.retentionOver))
            segment.quarantined[row] = true
            return
        }
        let name = RecordName(version.key)
        let isPassed = content.origins[version.dot.origin].map { $0.passed > 0 } ?? false
        let isHole = isPassed || content.holes[name]?.contains(version.dot.origin) ?? false
        let afterHole = isHole && !defects.contains(.holeForgotten)
        segment.afterHole[row] = afterHole
        var state = content.records[name]?.state ?? RecordState()
        state.merge(version, afterHole: afterHole, original: counted)
        if let reason = Reason.crowding(of: state, with: version) {
            segment.quarantined[row] = true
            content.holes[name, default: []].insert(version.dot.origin)
            segment.verdicts.append(Verdict(dot: version.dot, kind: .quarantined, reason: reason))
            return
        }
        state = defects.reshaped(state)
        if state.hasOtherName(version.dot) {
            segment.verdicts.append(
                Verdict(dot: version.dot, kind: .heldAlready, reason: Reason.heldAlready))
        }
        content.records[name] = (version.key, state)
        follow(version.key, state.effective(under: rules(version.key.form)), roles)
        let text: (Int?) -> Int64? = { position in
            guard let position, case .text(let text) = version.key.values[position] else { return nil }
            return self.number(of: text)
        }
        let day = roles.dayKey.flatMap { version.key.values[$0].integer }.map { Int32(clamping: $0) }
        if !roles.isEverybodys { settle() }
        let place = HubPlace(
            roles, person: text(roles.personKey), unit: text(roles.unitKey), day: day, today: today,
            root: root,
            content.register)
        segment.scopes[row] = place.scope
        if let note = place.note {
            segment.verdicts.append(Verdict(dot: version.dot, kind: .noted, reason: note))
        }
    }

    /// A version that came before and counts.
    private func counted(_ dot: Dot) -> Version? {
        let segment = content.log.last {
            $0.batch.origin == dot.origin && $0.batch.first <= dot.sequence && $0.batch.last >= dot.sequence
        }
        guard let segment else { return nil }
        let row = Int(dot.sequence - segment.batch.first)
        return segment.quarantined[row] ? nil : segment.batch.version(at: row)
    }

    private func follow(_ key: RecordKey, _ record: EffectiveRecord, _ roles: HubRoles) {
        var unit: Int64 = 0
        if case .text(let text)? = roles.registerField.flatMap({ record[$0] }), !text.isEmpty {
            unit = number(of: text)
        }
        let numbers = key.values.map { value -> Int64 in
            if case .text(let text) = value { return number(of: text) }
            return value.integer ?? 0
        }
        switch roles.kind {
        case .unit:
            content.register.set(unit: numbers[0], above: record.exists ? unit : nil)
        case .placement:
            guard let unitKey = roles.unitKey, let dayKey = roles.dayKey else { return }
            content.register.place(
                numbers[unitKey], under: record.exists ? unit : nil, from: Int32(clamping: numbers[dayKey]))
        case .person:
            if record.exists {
                content.register.persons.insert(numbers[0])
            } else {
                content.register.persons.remove(numbers[0])
            }
        case .membership:
            guard let personKey = roles.personKey, let dayKey = roles.dayKey else { return }
            let from = Int32(clamping: numbers[dayKey])
            let stay = record.exists ? HubRegister.Stay(from: from, unit: unit) : nil
            let person = numbers[personKey]
            let before = content.register.placed(.person(person))
            if content.touched[.person(person)] == nil { content.touched[.person(person)] = before }
            content.register.set(stay, of: person, from: from)
        default: break
        }
    }

    /// Appends a segment to the log and moves its origin on.
    func append(
        _ segment: Segment, sealed: (sequence: UInt64, head: Digest)?, now: Milliseconds
    ) -> UInt64 {
        var segment = segment
        let batch = segment.batch
        let position = logEnd.position + 1
        segment.hash = ArrivalLog.next(
            logEnd.hash, position: position, origin: batch.origin, first: batch.first, last: batch.last,
            head: segment.after, hashing: means.hashing)
        segment.arrived = now
        rescope(&segment, today: catalog.zone.day(of: now))
        content.log.append(segment)
        for row in 0..<batch.count {
            content.places[RecordName(batch.version(at: row).key), default: []].append(
                (content.log.count - 1, row))
        }
        content.origins[batch.origin]?.held = batch.last
        content.origins[batch.origin]?.head = segment.after
        if let sealed {
            content.origins[batch.origin]?.sealed = sealed.sequence
            content.origins[batch.origin]?.sealedHead = sealed.head
        }
        return position
    }

    /// Signs what is sealed and not receipted yet.
    func renewReceipt(of id: OriginID, now: Milliseconds) throws {
        guard let origin = content.origins[id], origin.sealed > origin.receipt?.sequence ?? 0 else { return }
        var receipt = Receipt(origin: id, sequence: origin.sealed, head: origin.sealedHead, time: now)
        receipt.signature = try means.signing.sign(receipt.statement(hub: hub, epoch: epoch))
        content.origins[id]?.receipt = receipt
    }
}

extension MemoryHubStore.Segment {
    init(_ batch: VersionBatch, before: Digest, after: Digest) {
        self.init(
            batch: batch, before: before, after: after, hash: .zero,
            scopes: Array(repeating: .none, count: batch.count),
            quarantined: Array(repeating: false, count: batch.count),
            afterHole: Array(repeating: false, count: batch.count), verdicts: [])
    }
}
