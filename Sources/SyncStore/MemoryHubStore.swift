public import Forms
public import SyncCore

/// A hub's store in memory: for tests and simulations, with the contract of the one on disk.
///
/// Everything lies in one value, so that a transaction that fails is undone by putting the old value back.
public final class MemoryHubStore: HubStore {
    struct Device: Sendable {
        var info: DeviceInfo
        var publicKey: [UInt8]
        /// Bytes that it has handed over since it was revoked.
        var surrendered = 0
        /// Bytes that it brought on a UTC day.
        var day: (number: Int64, bytes: Int64) = (0, 0)
    }

    struct Replica: Sendable {
        var facts: HubReplica
        var firstSeen: Milliseconds
        var lastSeen: Milliseconds
    }

    struct StoredInvitation: Sendable {
        var invitation: Invitation
        var spentBy: Digest?
    }

    struct SaltName: Hashable, Sendable {
        var origin: OriginID
        var day: Int32
        var retentionClass: RetentionClass
    }

    struct RecordName: Hashable, Comparable, Sendable {
        var form: [UInt8]
        var key: [UInt8]

        init(_ key: RecordKey) {
            form = Array(key.form.utf8)
            self.key = Canonical.encode(key: key.values)
        }

        static func < (left: RecordName, right: RecordName) -> Bool {
            if left.form != right.form { return left.form.lexicographicallyPrecedes(right.form) }
            return left.key.lexicographicallyPrecedes(right.key)
        }
    }

    /// One position of the arrival log.
    struct Segment: Sendable {
        var batch: VersionBatch
        /// The chain before the batch, and behind it.
        var before: Digest
        var after: Digest
        var hash: Digest
        var scopes: [HubScope]
        var quarantined: [Bool]
        var afterHole: [Bool]
        var verdicts: [Verdict]
        /// The scopes that the versions had when they came: `scopes` are those of now.
        var fedTo: [HubScope] = []
        var work: [HubScopeWork] = []
        /// Rows that were purged.
        var gone: Set<Int> = []
        /// Once salts of theirs are destroyed.
        var heads: [Digest]?
        var arrived: Milliseconds = 0
    }

    struct Content: Sendable {
        var epoch: Token16
        var devices: [Device] = []
        var replicas: [Replica] = []
        /// When each device last showed that this hub was put back.
        var putBack: [Int64: [Milliseconds]] = [:]
        var invitations: [Digest: StoredInvitation] = [:]
        var origins: [OriginID: HubOrigin] = [:]
        var salts: [SaltName: Token16] = [:]
        /// Salts that were there and must not come back.
        var destroyed: Set<SaltName> = []
        var purgeDay: Int32?
        var log: [Segment] = []
        /// Where the versions of each record lie: segment and row.
        var places: [RecordName: [(segment: Int, row: Int)]] = [:]
        var records: [RecordName: (key: RecordKey, state: RecordState)] = [:]
        var holes: [RecordName: Set<OriginID>] = [:]
        var terms: [[UInt8]: Int64] = [:]
        var register = HubRegister()
        /// Since the last segment: who is in other nodes, with those before.
        var touched: [HubSubject: [HubRegister.Stay]] = [:]
        /// The day that scopes are of.
        var scopeDay: Int32?
        var audit: [String] = []
        var suspicion: [UInt8] = []
        var ruleMarks: RuleMarks?
        var lastAuthored: Milliseconds?
    }

    let means: HubMeans
    let name: String
    public var epoch: Token16 { content.epoch }
    private let kept: (settings: Settings, json: [UInt8])
    let catalog: CompiledCatalog
    let count: CoverageCount
    let judge: HubBatchJudge
    let hub: Digest
    var content: Content
    var ownLanes: [Lane: OriginID] = [:]
    /// For simulations; none in a store that is to be believed.
    package var defects: MemoryDefects = []

    /// - Parameter settingsJSON: the settings as they travel in a Welcome.
    public init(name: String, settings: Settings, settingsJSON: [UInt8] = [], means: HubMeans) throws {
        self.name = name
        self.means = means
        kept = (settings, settingsJSON)
        (catalog, count) = try means.checks(settings)
        judge = HubBatchJudge(hashing: means.hashing, verifying: means.verifying)
        hub = means.keys.identity(means.hashing)
        content = Content(epoch: means.random())
    }

    public func settings() -> Settings { kept.settings }
    public func settingsJSON() -> [UInt8] { kept.json }

    /// Runs `body` and undoes what it did when it throws.
    func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        let before = (content, ownLanes)
        do {
            return try body()
        } catch {
            (content, ownLanes) = before
            throw error
        }
    }

    func number(of text: [UInt8]) -> Int64 {
        if let known = content.terms[text] { return known }
        let number = Int64(content.terms.count + 1)
        content.terms[text] = number
        return number
    }

    /// What is kept whole and does not count.
    package var quarantined: Set<Dot> {
        Set(
            content.log.flatMap { segment in
                segment.quarantined.indices.filter { segment.quarantined[$0] }.map(segment.batch.dot(at:))
            })
    }

    var logEnd: (position: UInt64, hash: Digest) {
        (UInt64(content.log.count), content.log.last?.hash ?? .zero)
    }

    // MARK: - Devices

    public func invite(_ invitation: Invitation, now: Milliseconds) throws {
        guard unitExists(invitation.unit) else { throw StoreError(.unknownUnit, invitation.unit) }
        content.invitations[invitation.secretHash] = StoredInvitation(invitation: invitation)
    }

    public func join(_ join: Join, by caller: Caller, now: Milliseconds) throws -> Result<Joined, Refuse> {
        let publicKey = caller.publicKey
        let hash = means.hashing(join.secret.bytes)
        let fingerprint = means.hashing(publicKey)
        if content.devices.contains(where: { $0.info.fingerprint == fingerprint && $0.info.state == .revoked }
        ) {
            return .failure(.revoked)
        }
        guard let stored = content.invitations[hash] else { return .failure(Refuse(.codeUnknown)) }
        if let spentBy = stored.spentBy {
            if spentBy != fingerprint { return .failure(Refuse(.codeSpent)) }
        } else if now > stored.invitation.expires {
            return .failure(Refuse(.codeExpired))
        } else {
            content.invitations[hash]?.spentBy = fingerprint
            enlist(join, publicKey: publicKey, invitation: stored.invitation, now: now)
        }
        guard let device = content.devices.first(where: { $0.info.fingerprint == fingerprint })?.info else {
            return .failure(Refuse(.unknownDevice))
        }
        return .success(
            Joined(
                state: device.state == .active ? .active : .pending, confirmation: device.confirmation,
                unit: device.unit, unitName: unitName(device.unit), hubName: name, clock: now,
                settings: kept.json))
    }

    private func enlist(_ join: Join, publicKey: [UInt8], invitation: Invitation, now: Milliseconds) {
        let fingerprint = means.hashing(publicKey)
        let state: DeviceInfo.State = invitation.isTrusted ? .active : .pending
        if let index = content.devices.firstIndex(where: { $0.info.fingerprint == fingerprint }) {
            content.devices[index].info.unit = invitation.unit
            content.devices[index].info.label = String(join.label.prefix(64))
            content.devices[index].info.state = state
            return
        }
        let info = DeviceInfo(
            id: Int64(content.devices.count + 1), fingerprint: fingerprint, unit: invitation.unit,
            label: String(join.label.prefix(64)), state: state,
            confirmation: HubConfirmation.number(
                hub: means.signing.publicKey, device: publicKey, hashing: means.hashing),
            joined: now, lastSeen: nil, skew: 0, urgent: Backlog(), routine: Backlog(), program: "")
        content.devices.append(Device(info: info, publicKey: publicKey))
    }

    public func devices() -> [DeviceInfo] {
        content.devices.map { device in
            var info = device.info
            let replicas = content.replicas.filter { $0.facts.device == info.id }
            if let newest = replicas.last {
                info.replicas = 1 + replicas.dropLast().filter { $0.lastSeen > newest.firstSeen }.count
            }
            return info
        }
    }

    public func note(_ attempt: RefusedAttempt, now: Milliseconds) {
        content.audit.append(RefusedAttempt.event)
    }

    public func confirm(confirmation: UInt32, now: Milliseconds) -> Bool {
        let found = content.devices.indices.filter {
            content.devices[$0].info.state == .pending
                && content.devices[$0].info.confirmation == confirmation
        }
        guard found.count == 1 else { return false }
        content.devices[found[0]].info.state = .active
        return true
    }

    public func revoke(_ device: Int64, reason: String, now: Milliseconds) -> Bool {
        guard let index = content.devices.firstIndex(where: { $0.info.id == device }),
            content.devices[index].info.state != .revoked
        else { return false }
        content.devices[index].info.state = .revoked
        content.devices[index].info.revoked = now
        content.devices[index].info.revokedFor = reason
        return true
    }

    public func revokedDevices() -> [Int64] {
        content.devices.filter { $0.info.state == .revoked }.map(\.info.id)
    }

    public func confirmFeed(_ token: FeedToken, of session: SessionRef) {}

    // MARK: - Reading

    func table(_ form: String) -> (form: CompiledForm, roles: HubRoles)? {
        catalog[form].map { ($0, HubRoles($0.definition)) }
    }

    func rules(_ form: String) -> MergeRules { catalog[form]?.mergeRules ?? .latest }

    public func effective(_ key: RecordKey) -> EffectiveRecord? {
        content.records[RecordName(key)].map { $0.state.effective(under: rules(key.form)) }
    }

    public func compiledForms() -> CompiledCatalog { catalog }
    public func ruleMarks() -> RuleMarks? { content.ruleMarks }

    public func arrival(at position: UInt64) -> HubArrival? {
        guard position > 0, position <= UInt64(content.log.count) else { return nil }
        let segment = content.log[Int(position) - 1]
        return HubArrival(arrived: segment.arrived, rows: segment.batch.rows)
    }

    public func record(_ key: RecordKey) -> RecordState? { content.records[RecordName(key)]?.state }

    public func versions(of key: RecordKey) -> [Version] {
        (content.places[RecordName(key)] ?? []).map { content.log[$0.segment].batch.version(at: $0.row) }
            .sorted { $0.dot < $1.dot }
    }

    func unitExists(_ unit: String) -> Bool {
        content.terms[Array(unit.utf8)].map { content.register.tree.units[$0] != nil } ?? false
    }

    func unitName(_ unit: String) -> String {
        effective(RecordKey(form: BuiltIn.unit, values: [.text(unit)]))?[BuiltIn.unitName]?.string ?? ""
    }

    public func coverage(of day: Int32) throws -> CoverageBoard {
        var board = BoardOfDay(day: day, checkIn: catalog[BuiltIn.checkIn])
        for name in content.records.keys.sorted() {
            guard let (key, state) = content.records[name], let table = table(key.form) else { continue }
            let record = state.effective(under: rules(key.form))
            if record.exists { board.add(key.values, record, roles: table.roles) }
        }
        return board.board(count)
    }

    public func export(
        form: String, from: Int32?, to: Int32?, _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws {
        guard let table = table(form) else { return }
        let dayKey = table.roles.dayKey
        let found = content.records.values.filter { $0.key.form.utf8.elementsEqual(form.utf8) }.map { entry in
            let rest = entry.key.values.enumerated().filter { $0.offset != dayKey }.map(\.element)
            return (day: dayKey.flatMap { entry.key.values[$0].integer } ?? 0, rest: rest, entry: entry)
        }
        let isLess: ([Value], [Value]) -> Bool = { left, right in
            let pairs = zip(left, right).map { (MemoryHubStore.text($0), MemoryHubStore.text($1)) }
            return pairs.first { $0 != $1 }.map { $0.0.lexicographicallyPrecedes($0.1) } ?? false
        }
        for found in found.sorted(by: { $0.day != $1.day ? $0.day < $1.day : isLess($0.rest, $1.rest) }) {
            let record = found.entry.state.effective(under: rules(form))
            let isInside =
                dayKey == nil || (found.day >= Int64(from ?? .min) && found.day <= Int64(to ?? .max))
            if record.exists && isInside { try row(found.entry.key.values, record) }
        }
    }

    public func records(
        form: String, where field: FieldID, is text: [UInt8],
        _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws {
        try export(form: form, from: nil, to: nil) { key, record in
            if record[field] == .text(text) { try row(key, record) }
        }
    }

    private static func text(_ value: Value) -> [UInt8] {
        if case .text(let text) = value { return text }
        return Canonical.encode(value)
    }
}
