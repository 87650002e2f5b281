import Forms
public import SyncCore

extension TableAgentStore {
    public func hello(now: Milliseconds, program: String) throws -> Hello {
        try backend.read { tables in
            guard let configuration = try tables.configuration() else {
                throw StoreError(.notJoined, "this store has not joined a hub")
            }
            let closed = try TableAgentStore.named(try tables.closedOrigins(), in: tables)
            let current = try tables.origins()
            let session = try tables.session()
            let skew = try tables.contact().skew
            let waiting = try Lane.allCases.map { lane in
                try TableAgentStore.backlog(
                    (closed + current).filter { $0.claim.lane == lane }, now: now.addingClamped(skew),
                    in: tables)
            }
            return Hello(
                replica: configuration.replica,
                origins: closed.map { OriginHead($0, isClosed: true) }
                    + current.map { OriginHead($0, isClosed: false) },
                capabilities: [], dictionaries: [Hello.dictionary], clock: now, sessionToken: session.token,
                epoch: session.epoch, feed: session.feed, urgent: waiting[0], routine: waiting[1],
                program: program, settings: Hello.print(of: configuration.settings))
        }
    }

    public func laneOrigins() throws -> [AgentSession.LaneOrigin] {
        try backend.read { tables in
            let closed = try TableAgentStore.named(try tables.closedOrigins(), in: tables)
            return closed.map { AgentSession.LaneOrigin($0, isClosed: true) }
                + (try tables.origins().map { AgentSession.LaneOrigin($0, isClosed: false) })
        }
    }

    /// Those closed origins that Hello names: as many as it may, those that wait first, then those that no
    /// backup of the hub holds, then the newest.
    private static func named(_ closed: [OwnOrigin], in tables: any AgentTables) throws -> [OwnOrigin] {
        let closed = try closed.filter { !$0.isParted && $0.sequence > 0 }
            .filter { try !isGone($0, in: tables) }
        guard closed.count > Limits.closedOrigins else { return closed }
        let rest = closed.reversed().filter { $0.receipted >= $0.sequence }
        let ranked =
            closed.filter { $0.receipted < $0.sequence } + rest.filter { $0.backedUp < $0.sequence }
            + rest.filter { $0.backedUp >= $0.sequence }
        let chosen = Set(ranked.prefix(Limits.closedOrigins).map(\.id))
        return closed.filter { chosen.contains($0.id) }
    }

    /// Whether nothing of it is held any more, so that a hub that is put back gets nothing by it.
    private static func isGone(_ origin: OwnOrigin, in tables: any AgentTables) throws -> Bool {
        guard origin.floor > origin.sequence else { return false }
        var isGone = true
        try tables.eachVersion(of: origin.id, after: 0) { stored in
            // Behind the end of a closed one lies what came down the feed.
            isGone = stored.version.dot.sequence > origin.sequence
            return false
        }
        return isGone
    }

    /// Of one lane's origins.
    private static func backlog(
        _ origins: [OwnOrigin], now: Milliseconds, in tables: any AgentTables
    ) throws -> Backlog {
        let count = origins.reduce(0) { $0 + ($1.sequence - min($1.sequence, $1.receipted)) }
        guard count > 0 else { return Backlog() }
        let oldest = try oldestQueued(origins, in: tables) ?? now
        return Backlog(count: count, oldestAge: UInt64(max(0, now.subtractingClamped(oldest))))
    }

    public func accept(
        _ welcome: Welcome, asked: Milliseconds, now: Milliseconds
    ) throws -> [AgentSession.Resume] {
        do {
            return try resumes(after: welcome, asked: asked, now: now)
        } catch let lapse as EarlierLife {
            try backend.write { tables in
                tables.isVital = true
                var session = try tables.session()
                try tables.enter(welcome.epoch, &session)
                try tables.put(session)
            }
            throw lapse.refuse
        }
    }

    /// The hub is in an epoch again that it had left: only a Hello that names that epoch lets it see so.
    private struct EarlierLife: Error {
        let refuse: Refuse
    }

    private func resumes(
        after welcome: Welcome, asked: Milliseconds, now: Milliseconds
    ) throws -> [AgentSession.Resume] {
        try backend.write { tables in
            tables.isVital = true
            let receipts = welcome.held.compactMap(\.receipt)
            var resumes: [AgentSession.Resume] = []
            var passed: UInt64 = 0
            var lost: UInt64 = 0
            var parted: UInt64 = 0
            let closed = Set(try tables.closedOrigins().map(\.id))
            for var origin in try tables.ownOrigins() where !origin.isParted {
                let told = origin
                let theirs = welcome.held.first { $0.origin == origin.id }
                if theirs == nil, closed.contains(origin.id) { continue }
                if let held = try TableAgentStore.held(
                    origin, theirs, isClosed: closed.contains(origin.id), in: tables)
                {
                    resumes.append(
                        AgentSession.Resume(
                            origin: origin.id, behind: held, receipted: 0,
                            hole: try TableAgentStore.hole(
                                in: origin, behind: held, welcome, tables)))
                    origin.backedUp = min(theirs?.backedUp ?? 0, held)
                    lost += origin.receipted - min(max(held, origin.floor - 1), origin.receipted)
                    origin.receipted = min(held, origin.receipted)
                    // What was let go was receipted once: the hub has taken note that it will not come.
                    let gone = min(held, origin.floor - 1)
                    passed += gone - min(gone, origin.receipted)
                    if gone > origin.receipted {
                        try tables.doubt(origin.receipted + 1...gone, of: origin.id)
                    }
                    origin.receipted = max(gone, origin.receipted)
                } else {
                    parted += origin.sequence
                    origin.isParted = true
                    origin.backedUp = 0
                }
                if origin != told { try tables.put(origin) }
            }
            if lost > 0 { try tables.put(IdentityEvent(at: now, kind: .hubPutBack, versions: lost)) }
            if parted > 0 { try tables.put(IdentityEvent(at: now, kind: .parted, versions: parted)) }
            if passed > 0 { try tables.put(IdentityEvent(at: now, kind: .hole, versions: passed)) }
            var session = try tables.session()
            // What the hub held when it first said so had come before, and counts.
            let isHeldBefore = welcome.isSurrender && !session.isSurrender
            if session.isSurrender, !welcome.isSurrender { try letInAgain(tables) }
            session.token = welcome.sessionToken
            session.isSurrender = welcome.isSurrender
            try tables.enter(welcome.epoch, &session)
            try tables.put(session)
            try self.keep(settings: welcome.settings, in: tables)
            var contact = try tables.contact()
            contact.skew = ContactFacts.skew(of: welcome.clock, asked: asked, answered: now)
            contact.lastHubTime = welcome.clock
            contact.lastContact = now
            contact.lastFailure = nil
            contact.nextTry = nil
            if try self.believe(receipts, in: tables, isHeldBefore: isHeldBefore) {
                contact.lastReceipt = now
            }
            try tables.put(contact)
            let own = try tables.ownOrigins()
            for index in resumes.indices {
                let origin = own.first { $0.id == resumes[index].origin }
                resumes[index].receipted = origin?.receipted ?? 0
            }
            return resumes
        }
    }

    public func note(_ hole: Hole, now: Milliseconds) throws {
        try backend.write { tables in
            guard var origin = try tables.ownOrigins().first(where: { $0.id == hole.origin }),
                origin.receipted < hole.sequence, hole.sequence <= origin.sequence
            else { return }
            let versions = hole.sequence - origin.receipted
            try tables.doubt(origin.receipted + 1...hole.sequence, of: origin.id)
            origin.receipted = hole.sequence
            try tables.put(origin)
            try tables.put(IdentityEvent(at: now, kind: .hole, versions: versions))
        }
    }

    /// What lies behind `held` and was let go; nil when everything can be sent.
    ///
    /// - Throws: `Refuse` when the hub would not believe it, `EarlierLife` when it would not before it knows
    ///   that it was put back.
    private static func hole(
        in origin: OwnOrigin, behind held: UInt64, _ welcome: Welcome, _ tables: any AgentTables
    ) throws -> Hole? {
        guard held + 1 < origin.floor else { return nil }
        let last = origin.floor - 1
        let receipts = try tables.receipts(of: origin.id, reaching: last)
        // Who only hands over opens no epoch: the hub passes the hole by a receipt of the present one then.
        guard let known = receipts.last(where: { $0.epoch != welcome.epoch || welcome.isSurrender }) else {
            let refuse = Refuse(
                .identityLost,
                words: "the hub was put back: it lacks versions up to \(last) of the "
                    + "\(origin.claim.lane) journal, which are not kept here any more")
            if receipts.isEmpty { throw refuse }
            throw try tables.session().epoch == welcome.epoch ? refuse : EarlierLife(refuse: refuse)
        }
        return Hole(
            sequence: last, head: origin.headBelow, receipt: known.receipt, epoch: known.epoch)
    }

    /// How far the hub has an own journal, once what it holds has been compared with it; nil when it holds
    /// another journal under the name of a closed one.
    private static func held(
        _ origin: OwnOrigin, _ theirs: HeldOrigin?, isClosed: Bool, in tables: any AgentTables
    ) throws -> UInt64? {
        guard let theirs else { return 0 }
        guard theirs.sequence <= origin.sequence else {
            // What follows there was written by the store as it was before, or by its copy.
            if isClosed { return origin.sequence }
            throw Refuse(
                .identityLost,
                words: "the hub holds \(theirs.sequence) versions of the \(origin.claim.lane) journal, "
                    + "this store only \(origin.sequence): it was restored or copied")
        }
        // What was let go was backed up there: the two were the same.
        if theirs.sequence + 1 < origin.floor { return theirs.sequence }
        guard try ownHead(origin, at: theirs.sequence, in: tables) == theirs.head else {
            if isClosed { return nil }
            throw Refuse(
                .identityLost,
                words: "the hub holds another \(origin.claim.lane) journal than this store up to "
                    + "version \(theirs.sequence): it was restored or copied")
        }
        return theirs.sequence
    }

    /// chain(sequence) of an own journal; nil beyond its end, and where it was pruned.
    package static func ownHead(
        _ origin: OwnOrigin, at sequence: UInt64, in tables: any AgentTables
    ) throws -> Digest? {
        if sequence == 0 { return origin.derivation }
        if sequence == origin.floor - 1 { return origin.headBelow }
        return try tables.head(of: Dot(origin: origin.id, sequence: sequence))
    }

    public func accept(_ receipts: [Receipt], now: Milliseconds) throws {
        try backend.write { tables in
            tables.isVital = true
            guard try self.believe(receipts, in: tables) else { return }
            var contact = try tables.contact()
            contact.lastReceipt = now
            contact.lastContact = now
            try tables.put(contact)
        }
    }

    /// Raises what counts as arrived.
    ///
    /// - Parameter isHeldBefore: what they name came before the device was revoked.
    /// - Returns: false when there was nothing to believe.
    /// - Throws: `Refuse` when a receipt is not the hub's, or not about this journal.
    func believe(
        _ receipts: [Receipt], in tables: any AgentTables, isHeldBefore: Bool = false
    ) throws -> Bool {
        if receipts.isEmpty { return false }
        guard let configuration = try tables.configuration() else {
            throw StoreError(.notJoined, "this store has not joined a hub")
        }
        let session = try tables.session()
        let epoch = session.epoch
        let closed = try tables.closedOrigins()
        for receipt in receipts {
            guard var origin = try tables.ownOrigins().first(where: { $0.id == receipt.origin }) else {
                throw Refuse(.protocolError, words: "a receipt for an origin that is not this store's")
            }
            let statement = receipt.statement(hub: configuration.hub, epoch: epoch)
            guard configuration.hubKeys.isSigned(statement, receipt.signature, means.verifying) else {
                throw Refuse(.forgedReceipt, words: "a receipt that the hub has not signed")
            }
            if origin.isParted { continue }
            if receipt.sequence > origin.sequence, closed.contains(where: { $0.id == origin.id }) {
                // It covers what is here and what followed elsewhere.
                guard origin.receipted < origin.sequence else { continue }
                origin.receipted = origin.sequence
                try tables.put(origin)
                continue
            }
            let head = try TableAgentStore.ownHead(origin, at: receipt.sequence, in: tables)
            guard receipt.sequence <= origin.sequence, head == receipt.head else {
                throw Refuse(
                    .identityLost,
                    words:
                        "the hub receipted version \(receipt.sequence) of another \(origin.claim.lane) "
                        + "journal"
                )
            }
            guard receipt.sequence > origin.receipted else { continue }
            if session.isSurrender, !isHeldBefore {
                try surrendered(through: receipt.sequence, of: origin, epoch, tables)
            }
            origin.receipted = receipt.sequence
            try tables.put(origin)
            try tables.put(KeptReceipt(receipt: receipt, epoch: epoch))
        }
        return true
    }

    /// What the hub takes of a revoked device is held back, and no feed says so; nor does one say when it
    /// lets in again what it had receipted before it was put back.
    private func surrendered(
        through sequence: UInt64, of origin: OwnOrigin, _ epoch: Token16, _ tables: any AgentTables
    ) throws {
        let before =
            try tables.receipts(of: origin.id, reaching: origin.receipted + 1)
            .filter { $0.epoch != epoch }.map(\.receipt.sequence).max() ?? 0
        var dots: [Dot] = []
        try tables.eachVersion(of: origin.id, after: origin.receipted) { stored in
            guard stored.version.dot.sequence <= sequence else { return false }
            dots.append(stored.version.dot)
            return true
        }
        for dot in dots where try tables.verdicts(of: dot).last?.kind != .quarantined {
            let reason = dot.sequence <= before ? Reason.deliveredBefore : Reason.revokedDevice
            try tables.put(Verdict(dot: dot, kind: .quarantined, reason: reason, field: 0))
        }
    }

    /// The hub that held everything back was put back to before it revoked this device, and does not know of
    /// it: what it lacks is sent again, and counts.
    private func letInAgain(_ tables: any AgentTables) throws {
        for (verdict, _) in try tables.lastVerdicts([.quarantined], limit: .max)
        where Reason.ofRevokedDevices.contains(verdict.reason) {
            try tables.put(
                Verdict(dot: verdict.dot, kind: .released, reason: verdict.reason, field: verdict.field))
        }
    }

    private func keep(settings: [UInt8], in tables: any AgentTables) throws {
        guard !settings.isEmpty, settings.count <= Limits.settingsBytes,
            var configuration = try tables.configuration()
        else { return }
        configuration.settings = settings
        try tables.put(configuration)
    }

    public func apply(_ feed: Feed, now: Milliseconds) throws {
        guard feed.versions.dots.count == feed.versions.rows.count else {
            throw Refuse(.protocolError, words: "a feed whose versions have no names")
        }
        let news = try backend.write { tables in
            let current = try tables.origins()
            let closed = try tables.closedOrigins()
            let own = current + closed
            try self.keep(settings: feed.settings, in: tables)
            for form in feed.forms where form.count <= Limits.formDefinitionBytes {
                try tables.put(form: form, hash: self.means.hashing(form))
            }
            for change in feed.scope {
                try tables.put(change)
                if change.kind == .leave {
                    try AgentScope(tables, own: current).leave(change)
                }
            }
            let doubts = self.doubts(in: tables, current: current, closed: closed)
            for row in 0..<feed.versions.count {
                try TableAgentStore.take(feed.versions, row: row, current: current, doubts, in: tables)
            }
            // A verdict about something that is not in this journal has nowhere to stand.
            for verdict in feed.verdicts
            where own.contains(where: {
                $0.id == verdict.dot.origin && verdict.dot.sequence > 0
                    && verdict.dot.sequence <= $0.sequence
            }) {
                try tables.put(verdict)
            }
            var session = try tables.session()
            session.feed = feed.token
            try tables.put(session)
            var contact = try tables.contact()
            contact.lastContact = now
            try tables.put(contact)
            return try doubts.finish(now: now)
        }
        if news.contains(where: { $0.kind == .givenBack }) {
            throw Refuse(.identityRenewed, words: "new origins were opened; coming again")
        }
    }

    private static func take(
        _ versions: FeedVersions, row: Int, current: [OwnOrigin], _ doubts: AgentDoubts,
        in tables: any AgentTables
    ) throws {
        let dot = versions.dots[row]
        guard dot.origin != 0, dot.sequence > 0, dot.sequence <= Limits.sequence else {
            throw Refuse(.protocolError, words: "a version in the feed has no name")
        }
        if current.contains(where: { $0.id == dot.origin }) { return }
        let version = versions.version(at: row)
        if let held = try tables.version(dot) {
            let isSame = held.version.key == version.key && held.version.isNamesake(of: version)
            // What was written here stays, whatever the hub calls so now.
            if isSame || held.head != nil { return try tables.confirm(dot) }
            try doubts.settle(held.version)
        }
        let name = RecordName(version.key)
        var state = try tables.record(name) ?? RecordState()
        let flags = VersionFlags(rawValue: versions.rows.flags[row])
        try state.merge(version, afterHole: flags.contains(.afterHole)) { first in
            try tables.versions(of: name).first { $0.dot == first }
        }
        try tables.put(state, of: name)
        try tables.append(
            StoredVersion(version: version, head: nil, bytes: 0),
            columns: VersionColumns(CollectionOfOne(version)))
    }
}

extension Int64 {
    func addingClamped(_ other: Int64) -> Int64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? (other > 0 ? .max : .min) : sum.partialValue
    }

    package func subtractingClamped(_ other: Int64) -> Int64 {
        let difference = subtractingReportingOverflow(other)
        return difference.overflow ? (other < 0 ? .max : .min) : difference.partialValue
    }
}

extension OriginHead {
    fileprivate init(_ own: OwnOrigin, isClosed: Bool) {
        self.init(
            claim: own.claim, sequence: own.sequence, head: ShortDigest(own.head), receipted: own.receipted,
            isClosed: isClosed)
    }
}

extension AgentSession.LaneOrigin {
    fileprivate init(_ own: OwnOrigin, isClosed: Bool) {
        self.init(
            lane: own.claim.lane, origin: own.id, last: own.sequence, receipted: own.receipted,
            isClosed: isClosed)
    }
}
