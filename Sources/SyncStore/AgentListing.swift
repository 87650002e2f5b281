public import Forms
public import SyncCore

/// All records of a branch's store that its hub holds as well, at one moment.
public struct AgentListing: Sendable {
    public var listing: TallyListing
    /// The branch's place in the feed, at that moment.
    public var feed: FeedToken
    public var origins: [OwnOrigin]
    /// Records with versions of the branch's own that the hub does not hold yet.
    public var queued: Int
    /// Records of which the centre holds a version of the branch's own back.
    public var heldBack: Int
    /// Records that are here for some other reason than the branch's scope: they are not compared.
    public var outside: Int
    /// Versions of the branch's own that a hub which was put back once had and could not be sent as they
    /// were: what is kept of them was sent again.
    public var holes: UInt64

    /// Events of the past that are looked at.
    static let eventLimit = 1_000

    /// For questions to a hub.
    ///
    /// - Parameter epoch: the hub's; in another one it feeds everything anew.
    public func moment(in epoch: Token16) -> Reconciler.Moment {
        Reconciler.Moment(
            position: feed.epoch == epoch ? feed.position : 0,
            own: origins.map { Dot(origin: $0.id, sequence: $0.sequence) })
    }
}

extension TableAgentStore {
    /// - Parameters:
    ///   - unit: the branch's own.
    ///   - today: the hub's local day.
    ///   - held: what the hub holds of the own origins; where it says nothing, what is receipted.
    ///   - reach: what the other side holds of all origins, where it was looked at some time ago.
    public func listing(
        unit: String, today: Int32, forms: FormCatalog, held: [OriginID: UInt64],
        reach: [OriginID: UInt64]? = nil
    ) throws -> AgentListing {
        try backend.read { tables in
            var reader = AgentListingReader(
                tables: tables, forms: forms, horizon: reach.map { TallyHorizon($0) })
            return try reader.listing(unit: unit, today: today, held: held)
        }
    }

    /// The keys of those records whose hashes are wanted.
    public func keys(of wanted: Set<UInt64>, forms: [[UInt8]]) throws -> [UInt64: [UInt8]] {
        try backend.read { tables in
            var found: [UInt64: [UInt8]] = [:]
            for form in forms {
                try tables.eachRecord(of: form) { key, _ in
                    let hash = RecordPrint.hasher(form: form, key: key).value
                    if wanted.contains(hash) { found[hash] = key }
                }
            }
            return found
        }
    }

    /// chain(sequence) of one of the own journals; nil beyond its end, and where it was pruned.
    public func ownHead(of origin: OriginID, at sequence: UInt64) throws -> Digest? {
        try backend.read { tables in
            guard let own = try tables.ownOrigins().first(where: { $0.id == origin }) else { return nil }
            if sequence == own.sequence { return own.head }
            return try TableAgentStore.ownHead(own, at: sequence, in: tables)
        }
    }
}

extension AgentTables {
    /// In the order of key bytes.
    func eachRecord(of form: [UInt8], _ body: ([UInt8], RecordState) throws -> Void) throws {
        var after: [UInt8]?
        while true {
            let page = try records(form: form, after: after, limit: 4_096)
            for row in page { try body(row.key, row.state) }
            guard let last = page.last else { return }
            after = last.key
        }
    }
}

/// Reads a branch's records with the register that lies among them.
private struct AgentListingReader {
    let tables: any AgentTables
    let forms: FormCatalog
    let horizon: TallyHorizon?
    private var numbers: [[UInt8]: Int64] = [:]
    private var texts: [[UInt8]] = [[]]

    init(tables: any AgentTables, forms: FormCatalog, horizon: TallyHorizon?) {
        self.tables = tables
        self.forms = forms
        self.horizon = horizon
    }

    mutating func listing(
        unit: String, today: Int32, held: [OriginID: UInt64]
    ) throws -> AgentListing {
        let origins = try tables.origins()
        let own = try tables.ownOrigins()
        var queued = try names(ofOwnBehind: held, own)
        // What lies in a hole is written again at the next Mark.
        for (name, dots) in try tables.doubted()
        where dots.contains(where: { dot in
            own.contains { $0.id == dot.origin && dot.sequence <= $0.sequence }
        }) {
            queued.insert(name)
        }
        let holes = try tables.identityEvents(limit: AgentListing.eventLimit).filter { $0.kind == .hole }
        let heldBack = Set(try tables.lastVerdicts([.quarantined], limit: .max).map(\.name))
        var result = AgentListing(
            listing: TallyListing(), feed: try tables.session().feed, origins: origins,
            queued: queued.count, heldBack: heldBack.count, outside: 0,
            holes: holes.reduce(0) { $0 &+ $1.versions })
        let scope = TallyScope(
            root: number(Array(unit.utf8)), today: today, register: try register())
        let retention = Retention(forms, today: today)
        var groups: [TallyPlace: [TallyListing.Entry]] = [:]
        for definition in distinctForms() {
            let form = Array(definition.form.utf8)
            let roles = HubRoles(definition)
            try tables.eachRecord(of: form) { key, state in
                guard let values = Canonical.decode(key: key),
                    let place = place(values, form: form, roles, scope)
                else {
                    result.outside += 1
                    return
                }
                if retention.isOver(form: form, key: values) { return }
                let name = RecordName(form: form, key: key)
                var flags: TallyFlags = []
                if queued.contains(name) || horizon?.isPassed(by: state.seen) == true {
                    flags.insert(.moving)
                }
                if heldBack.contains(name) { flags.insert(.heldBack) }
                groups[place, default: []].append(
                    TallyListing.Entry(
                        RecordPrint(form: form, key: key, retention.trimmed(state) ?? state), flags: flags))
            }
        }
        result.listing = TallyListing(
            groups.map { TallyListing.Group(place: $0.key, entries: $0.value) })
        return result
    }

    /// A later revision stands before an earlier one.
    private func distinctForms() -> [FormDefinition] {
        var seen: Set<[UInt8]> = []
        return forms.definitions.filter { seen.insert(Array($0.form.utf8)).inserted }
    }

    private func names(
        ofOwnBehind held: [OriginID: UInt64], _ origins: [OwnOrigin]
    ) throws -> Set<RecordName> {
        var names: Set<RecordName> = []
        for origin in origins {
            try tables.eachVersion(of: origin.id, after: held[origin.id] ?? origin.receipted) { stored in
                // Behind the end of a closed one lies what came down the feed.
                guard stored.version.dot.sequence <= origin.sequence else { return false }
                names.insert(RecordName(stored.version.key))
                return true
            }
        }
        return names
    }

    private mutating func place(
        _ values: [Value], form: [UInt8], _ roles: HubRoles, _ scope: TallyScope
    ) -> TallyPlace? {
        let person = text(values, roles.personKey).map { number($0) }
        let unit = text(values, roles.unitKey).map { number($0) }
        let day = roles.dayKey.flatMap { $0 < values.count ? values[$0].integer : nil }
            .map { Int32(clamping: $0) }
        guard let found = scope.place(roles, person: person, unit: unit, day: day) else { return nil }
        return TallyPlace(form: form, day: day, unit: texts[Int(found.unit)])
    }

    private func text(_ values: [Value], _ position: Int?) -> [UInt8]? {
        guard let position, position < values.count, case .text(let text) = values[position] else {
            return nil
        }
        return text
    }

    private mutating func number(_ text: [UInt8]) -> Int64 {
        if text.isEmpty { return 0 }
        if let known = numbers[text] { return known }
        let number = Int64(texts.count)
        texts.append(text)
        numbers[text] = number
        return number
    }

    /// Units, persons and stays as this store knows them.
    private mutating func register() throws -> HubRegister {
        var register = HubRegister()
        for definition in distinctForms() {
            let roles = HubRoles(definition)
            guard roles.kind.isRegister else { continue }
            var found: [(values: [Value], record: EffectiveRecord)] = []
            try tables.eachRecord(of: Array(definition.form.utf8)) { key, state in
                let record = state.effective(under: definition.mergeRules)
                if let values = Canonical.decode(key: key), record.exists { found.append((values, record)) }
            }
            for (values, record) in found {
                var unit: Int64 = 0
                if case .text(let text)? = roles.registerField.flatMap({ record[$0] }) { unit = number(text) }
                register.take(
                    roles, person: text(values, roles.personKey).map { number($0) },
                    unit: text(values, roles.unitKey).map { number($0) },
                    day: roles.dayKey.flatMap { $0 < values.count ? values[$0].integer : nil },
                    belongsTo: unit)
            }
        }
        register.adopt([])
        return register
    }
}

extension HubRegister {
    /// Takes in a register record that exists.
    fileprivate mutating func take(
        _ roles: HubRoles, person: Int64?, unit: Int64?, day: Int64?, belongsTo parent: Int64
    ) {
        switch roles.kind {
        case .unit: if let unit { set(unit: unit, above: parent) }
        case .placement:
            if let unit, let day { place(unit, under: parent, from: Int32(clamping: day)) }
        case .person: if let person { persons.insert(person) }
        case .membership:
            guard let person, let day else { return }
            let from = Int32(clamping: day)
            set(Stay(from: from, unit: parent), of: person, from: from)
        default: break
        }
    }
}
