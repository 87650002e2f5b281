public import Forms
public import SyncCore

/// A place outside of the store that keeps where the audit log ends, so that it shows when an older log is
/// put in the place of a newer one.
public struct AuditEndKeeper: Sendable {
    /// Nil when there is nothing.
    public var load: @Sendable () -> [UInt8]?
    /// Keeps what its argument says, which it asks while nobody else keeps anything. Durable when it returns,
    /// if it can be; what has failed is made good with the next act.
    public var save: @Sendable (() -> [UInt8]?) -> Void

    public init(
        load: @escaping @Sendable () -> [UInt8]?, save: @escaping @Sendable (() -> [UInt8]?) -> Void
    ) {
        self.load = load
        self.save = save
    }
}

/// What a hub's store is given from outside: it makes no keys, no hashes and no randomness of its own.
public struct HubMeans {
    public var hashing: Hashing
    public var verifying: Verifying
    /// The hub's key: signs receipts, and seals what the centre writes.
    public var signing: Signing
    /// All keys that the hub has had; the present one is that of ``signing``.
    public var keys: HubKeyring
    public var forms: FormCatalog
    /// Finds a time zone by its IANA name.
    public var zone: (String) -> LocalZone?
    public var random: () -> Token16
    /// Who works with the store, for the audit log; empty for a hub that serves.
    public var actor: String
    /// Nil: nothing is kept outside.
    public var auditEnd: AuditEndKeeper?
    /// Bytes of rows that one revoked device may hand over in all. A branch's whole year is less.
    public var surrenderLimit = 64 << 20
    /// Bytes of rows that one device may bring in a UTC day; of the urgent lane as many again.
    public var dayLimit = Limits.deviceDayBytes

    public init(
        hashing: Hashing, verifying: Verifying, signing: Signing, forms: FormCatalog = .builtIn,
        zone: @escaping (String) -> LocalZone?, random: @escaping () -> Token16, actor: String = "",
        auditEnd: AuditEndKeeper? = nil, keys: HubKeyring? = nil
    ) {
        self.hashing = hashing
        self.verifying = verifying
        self.signing = signing
        self.keys = keys ?? HubKeyring(first: signing.publicKey)
        self.forms = forms
        self.zone = zone
        self.random = random
        self.actor = actor
        self.auditEnd = auditEnd
    }

    package func checks(_ settings: Settings) throws -> (catalog: CompiledCatalog, count: CoverageCount) {
        guard let zone = zone(settings.timeZone) else {
            throw StoreError(.corrupt, "the settings name an unknown time zone")
        }
        do {
            return (
                try CompiledCatalog(forms, settings: settings, zone: zone),
                try CoverageCount(settings: settings, zone: zone)
            )
        } catch {
            throw StoreError(.corrupt, "forms or settings do not compile: \(error)")
        }
    }
}

/// What one version's place in the register means: whose feed it goes to, and what is to be noted.
package struct HubPlace {
    package var scope = HubScope.none
    package var note: String?
    /// The person's unit on the record's day; 0 for none, and for records of no person.
    package var unit: Int64 = 0

    /// - Parameters:
    ///   - day: the record's day; nil where the form has none.
    ///   - root: the sender's unit; 0 for the hub's own.
    package init(
        _ roles: HubRoles, person: Int64?, unit: Int64?, day: Int32?, today: Int32, root: Int64,
        _ register: borrowing HubRegister
    ) {
        if roles.isEverybodys {
            scope = .everybody
        } else if let person {
            let (then, present) = register.units(of: person, on: day ?? today, and: today)
            self.unit = then
            let presentNode = register.node(of: present, on: today)
            if roles.endsStay, let day {
                let (whole, before) = register.wholes(of: person, on: day, and: max(day, .min + 1) - 1)
                scope = HubScope(units: whole, presentNode, before)
            } else {
                scope = HubScope(units: register.node(of: then, on: day ?? today), presentNode)
            }
            if roles.kind != .person && roles.kind != .membership {
                let isKnown = register.persons.contains(person)
                note = HubPlace.note(
                    isKnown: isKnown, unit: then, on: day ?? today, root: root, register)
            }
        } else if let unit {
            scope = HubScope(
                units: register.node(of: unit, on: day ?? today), register.node(of: unit, on: today))
            let isKnown = register.tree.units[unit] != nil
            note =
                isKnown
                ? HubPlace.note(isKnown: true, unit: unit, on: day ?? today, root: root, register)
                : "unknown_unit"
        }
    }

    private static func note(
        isKnown: Bool, unit: Int64, on day: Int32, root: Int64, _ register: borrowing HubRegister
    ) -> String? {
        if !isKnown { return "unknown_person" }
        if unit == 0 { return "not_on_register" }
        return root != 0 && !register.tree.isWithin(unit, root, on: day) ? "outside_unit" : nil
    }
}
