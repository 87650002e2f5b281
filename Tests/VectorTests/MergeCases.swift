import SyncCore

/// Versions of one record, and what the record says.
enum MergeCases {
    /// What a revision of the form says.
    struct Revision {
        var number: UInt32
        var policies: [(field: FieldID, policy: MergePolicy)]
        var groups: [[FieldID]] = []
    }

    private static func dot(_ origin: UInt64, _ sequence: UInt64) -> Dot {
        Dot(origin: origin, sequence: sequence)
    }

    /// A version by origin and sequence; `seen` are the dots up to which its author had seen the record.
    private static func version(
        _ origin: UInt64, _ sequence: UInt64, _ fields: [(FieldID, Value)], seen: [Dot] = [],
        single: [Dot] = [], stated: Milliseconds = 100, authored: Milliseconds? = nil, delete: Bool = false,
        trusted: Bool = true, created: Milliseconds? = nil, revision: UInt32 = 1
    ) -> Version {
        var context = Context.empty
        for dot in seen { context.includePrefix(dot) }
        for dot in single { context.includeSingle(dot) }
        return Version(
            dot: dot(origin, sequence),
            key: RecordKey(form: "check-in", values: [.integer(18_295), .text("T001")]),
            formRevision: revision, context: context, isDelete: delete, clockTrusted: trusted,
            authored: authored ?? stated, stated: stated, firstCreated: created ?? stated,
            assignments: fields.map { Assignment(field: $0.0, retentionClass: 0, value: $0.1) })
    }

    /// The rules as the last revision tells them: each field since the first one that has it.
    static func rules(_ revisions: [Revision]) -> MergeRules {
        guard let last = revisions.last else { return .latest }
        return MergeRules(
            last.policies.map { field in
                let since = revisions.first { $0.policies.contains { $0.field == field.field } }
                return MergeRules.Field(
                    id: field.field, policy: field.policy, since: since?.number ?? 1,
                    group: last.groups.firstIndex { $0.contains(field.field) })
            })
    }

    static func result(_ versions: [Version], _ revisions: [Revision]) -> JSON {
        var state = RecordState()
        for version in versions { state.merge(version) }
        let record = state.effective(under: rules(revisions))
        return [
            "exists": .bool(record.exists), "deleteConflict": .bool(record.isDeleteConflict),
            "firstCreated": .number(record.firstCreated), "revision": .number(Int64(state.formRevision)),
            "fields": .array(
                record.fields.map { field in
                    [
                        "field": .number(Int64(field.field)), "value": Meaning.value(field.value),
                        "setter": Meaning.dot(field.setter), "conflict": .bool(field.isConflict),
                        "candidates": .array(
                            field.candidates.map {
                                ["dot": Meaning.dot($0.setter), "value": Meaning.value($0.value)]
                            }),
                    ]
                }), "siblings": .array(state.siblings.map { Meaning.dot($0.dot) }),
            "seen": Meaning.context(state.seen),
        ]
    }

    private static func merge(_ name: String, _ shows: String, _ versions: [Version]) -> Case {
        merge(name, shows, [], versions)
    }

    private static func merge(
        _ name: String, _ shows: String, _ policies: [(FieldID, MergePolicy)], _ versions: [Version]
    ) -> Case {
        merge(
            name, shows,
            revisions: [Revision(number: 1, policies: policies.map { (field: $0.0, policy: $0.1) })], versions
        )
    }

    private static func merge(_ name: String, _ shows: String, revisions: [Revision], _ versions: [Version])
        -> Case
    {
        let told = revisions.map { revision -> JSON in
            let groups = JSON.array(
                revision.groups.map { .array($0.map { .number(Int64($0)) }) })
            return JSON.object(
                [
                    (key: "revision", value: .number(Int64(revision.number))),
                    (
                        key: "policies",
                        value: .object(
                            revision.policies.map { (key: "\($0.field)", value: .string($0.policy.rawValue)) }
                        )
                    ),
                ] + (revision.groups.isEmpty ? [] : [(key: "groups", value: groups)]))
        }
        return Case(
            name, shows,
            [
                ("form", .array(told)),
                ("versions", .array(versions.map { Meaning.version($0, named: true) })),
                ("record", result(versions, revisions)),
            ])
    }

    @Sendable static func file() -> [(String, JSON)] {
        [("valid", .cases(contexts + orders + policies + deletes + revisions + groups))]
    }

    private static let entry = version(1, 1, [(1, .integer(365)), (2, .integer(0))])

    private static let contexts: [Case] = [
        merge("one-version", "what it says is so", [entry]),
        merge(
            "correction", "it had been shown the entry: no conflict, and what it left alone stays",
            [entry, version(1, 2, [(1, .integer(380))], seen: [dot(1, 1)], stated: 200)]),
        merge(
            "correction-stated-earlier", "what had been shown is replaced whatever the times say",
            [entry, version(1, 2, [(1, .integer(380))], seen: [dot(1, 1)], stated: 50)]),
        merge(
            "two-who-had-not-seen-each-other", "a conflict; the later stands meanwhile",
            [entry, version(2, 1, [(1, .integer(380))], stated: 200)]),
        merge(
            "settled", "a version that was shown both replaces both",
            [
                entry, version(2, 1, [(1, .integer(380))], stated: 200),
                version(1, 2, [(1, .integer(375))], seen: [dot(1, 1), dot(2, 1)], stated: 300),
            ]),
        merge(
            "half-settled", "a version that was shown one of two",
            [
                entry, version(2, 1, [(1, .integer(380))], stated: 200),
                version(3, 1, [(1, .integer(375))], seen: [dot(2, 1)], stated: 300),
            ]),
        merge(
            "equal-bytes", "the same value twice is no question; the later sets it",
            [entry, version(2, 1, [(1, .integer(365))], stated: 200)]),
        merge(
            "equal-for-people-only", "composed and decomposed é are two values: a conflict",
            [version(1, 1, [(1, .text("\u{e9}"))]), version(2, 1, [(1, .text("e\u{301}"))])]),
        merge(
            "equal-numbers-of-two-scales", "36.5 and 36.50 are two values: a conflict",
            [
                version(1, 1, [(1, .decimal(unscaled: 365, scale: 1))]),
                version(2, 1, [(1, .decimal(unscaled: 3_650, scale: 2))]),
            ]),
        merge(
            "not-stated-is-a-value", "a blank beside a number is a conflict",
            [entry, version(2, 1, [(1, .notStated)], stated: 200)]),
        merge(
            "fields-apart", "each had been shown nothing, and they assign different fields",
            [version(1, 1, [(1, .integer(1))]), version(2, 1, [(2, .integer(2))])]),
        merge(
            "covered-per-field", "covers of field 1 do not touch field 2",
            [
                entry, version(2, 1, [(1, .integer(9))], seen: [dot(1, 1)]),
                version(3, 1, [(2, .integer(8))], stated: 90),
            ]),
        merge(
            "single-dot", "the author had been shown (1, 2), and not (1, 1), which was held back",
            [
                entry, version(1, 2, [(1, .integer(370))], seen: [dot(1, 1)], stated: 150),
                version(2, 1, [(1, .integer(380))], single: [dot(1, 2)], stated: 200),
            ]),
        merge(
            "context-of-what-never-came", "a context may name versions that are not here",
            [entry, version(2, 5, [(1, .integer(380))], seen: [dot(1, 9), dot(7, 3)], stated: 200)]),
        merge(
            "first-created-only", "an older row assigns nothing, and moves the first-created time",
            [entry, version(1, 2, [], seen: [dot(1, 1)], stated: 50, created: 40)]),
    ]

    private static let orders: [Case] = [
        merge(
            "order-stated", "the later stated time wins over the later authored one",
            [
                version(1, 1, [(1, .integer(1))], stated: 200, authored: 300),
                version(2, 1, [(1, .integer(2))], stated: 100, authored: 400),
            ]),
        merge(
            "order-authored", "equal stated times: the authored time",
            [
                version(1, 1, [(1, .integer(1))], authored: 300),
                version(2, 1, [(1, .integer(2))], authored: 200),
            ]),
        merge(
            "order-origin", "equal times: the higher origin, unsigned",
            [version(1, 9, [(1, .integer(1))]), version(1 << 63, 1, [(1, .integer(2))])]),
        merge(
            "order-sequence", "one origin that had not been shown its own: the higher sequence",
            [version(1, 1, [(1, .integer(1))]), version(1, 2, [(1, .integer(2))])]),
        merge(
            "order-trusted-clock", "a trusted clock wins over any time",
            [
                version(1, 1, [(1, .integer(1))], stated: 100),
                version(2, 1, [(1, .integer(2))], stated: 900, trusted: false),
            ]),
    ]

    private static let policies: [Case] = [
        merge(
            "highest-integer", "the greatest number, set by whoever said it", [(1, .highest)],
            [version(1, 1, [(1, .integer(9))]), version(2, 1, [(1, .integer(-10))], stated: 200)]),
        merge(
            "highest-tie", "equal values: the later sets it", [(1, .highest)],
            [
                version(1, 1, [(1, .integer(9))]), version(2, 1, [(1, .integer(9))], stated: 200),
                version(3, 1, [(1, .integer(3))], stated: 300),
            ]),
        merge(
            "highest-decimal", "decimals of one scale are numbers", [(1, .highest)],
            [
                version(1, 1, [(1, .decimal(unscaled: 3_810, scale: 2))]),
                version(2, 1, [(1, .decimal(unscaled: 3_650, scale: 2))], stated: 200),
            ]),
        merge(
            "highest-text", "texts by their bytes", [(1, .highest)],
            [
                version(1, 1, [(1, .text("b"))]), version(2, 1, [(1, .text("B"))], stated: 200),
                version(3, 1, [(1, .text("ab"))], stated: 300),
            ]),
        merge(
            "highest-stated-before-not-stated", "anything is higher than nothing", [(1, .highest)],
            [version(1, 1, [(1, .integer(-5))]), version(2, 1, [(1, .notStated)], stated: 200)]),
        merge(
            "highest-of-different-kinds", "what cannot be compared leaves the later one", [(1, .highest)],
            [version(1, 1, [(1, .integer(9))]), version(2, 1, [(1, .text("a"))], stated: 200)]),
        merge(
            "union-of-lists", "all items, sorted by bytes, each once", [(1, .union)],
            [
                version(1, 1, [(1, .list([Array("b".utf8), Array("校".utf8)]))]),
                version(2, 1, [(1, .list([Array("b".utf8), Array("a".utf8), []]))], stated: 200),
                version(3, 1, [(1, .notStated)], stated: 300),
            ]),
        merge(
            "union-of-texts", "a text is a list of one", [(1, .union)],
            [version(1, 1, [(1, .text("y"))]), version(2, 1, [(1, .text("x"))])]),
        merge(
            "union-of-equal-lists", "one value: it stays as it was written", [(1, .union)],
            [
                version(1, 1, [(1, .list([Array("b".utf8), Array("a".utf8)]))]),
                version(2, 1, [(1, .list([Array("b".utf8), Array("a".utf8)]))], stated: 200),
            ]),
        merge(
            "any-true", "true when one says so", [(1, .any)],
            [version(1, 1, [(1, .boolean(true))]), version(2, 1, [(1, .boolean(false))], stated: 200)]),
        merge(
            "any-latest-true", "the latest that says so sets it", [(1, .any)],
            [
                version(1, 1, [(1, .boolean(true))]), version(2, 1, [(1, .boolean(true))], stated: 200),
                version(3, 1, [(1, .boolean(false))], stated: 300),
            ]),
        merge(
            "any-none-true", "nobody says so: the latest stands", [(1, .any)],
            [version(1, 1, [(1, .boolean(false))]), version(2, 1, [(1, .notStated)], stated: 200)]),
        merge(
            "covered-before-policy", "a higher value that was replaced no longer counts", [(1, .highest)],
            [
                version(1, 1, [(1, .integer(9))]),
                version(2, 1, [(1, .integer(4))], seen: [dot(1, 1)], stated: 200),
            ]),
    ]

    private static let deletes: [Case] = [
        merge(
            "deleted", "the record is gone; its fields are kept",
            [entry, version(1, 2, [], seen: [dot(1, 1)], stated: 200, delete: true)]),
        merge(
            "delete-beside-edit", "neither had seen the other: the record lives, and is in question",
            [
                entry, version(1, 2, [], seen: [dot(1, 1)], stated: 200, delete: true),
                version(2, 1, [(1, .integer(380))], seen: [dot(1, 1)], stated: 150),
            ]),
        merge(
            "entered-again", "a version that was shown the delete brings the record back",
            [
                entry, version(1, 2, [], seen: [dot(1, 1)], stated: 200, delete: true),
                version(2, 1, [(1, .integer(380))], seen: [dot(1, 2)], stated: 300),
            ]),
        merge(
            "delete-unseen", "a delete whose author had been shown nothing stands beside the entry",
            [entry, version(2, 1, [], stated: 200, delete: true)]),
        merge(
            "edit-leaving-a-delete-open",
            "the context of the edit leaves the delete (1, 2) out: it stays in question",
            [
                entry, version(1, 2, [], seen: [dot(1, 1)], stated: 200, delete: true),
                version(2, 1, [(1, .integer(380))], seen: [dot(1, 1)], stated: 150),
                version(3, 1, [(2, .integer(1))], seen: [dot(1, 1), dot(2, 1)], stated: 300),
            ]),
        merge(
            "deleted-twice", "two deletes are no question",
            [version(1, 1, [], delete: true), version(2, 1, [], delete: true)]),
        merge(
            "older-row-after-delete", "a version that assigns nothing brings nothing back",
            [
                entry, version(1, 2, [], seen: [dot(1, 1)], stated: 200, delete: true),
                version(2, 1, [], seen: [dot(1, 2)], stated: 50, created: 10),
            ]),
    ]

    private static let withUnion = [
        Revision(number: 1, policies: [(1, .latest)]),
        Revision(number: 2, policies: [(1, .latest), (2, .union)]),
    ]

    /// A reading, when it was taken, and something that has nothing to do with it.
    private static let grouped = [
        Revision(number: 1, policies: [(1, .latest), (2, .latest), (3, .latest)], groups: [[1, 2]])
    ]

    private static let groups: [Case] = [
        merge(
            "group-in-conflict", "the readings are equal and their times are not: both are in conflict",
            revisions: grouped,
            [
                version(1, 1, [(1, .integer(365)), (2, .integer(8)), (3, .integer(0))]),
                version(2, 1, [(1, .integer(365)), (2, .integer(9))], stated: 200),
            ]),
        merge(
            "group-beside-a-field", "what is not in the group stays as it was", revisions: grouped,
            [
                version(1, 1, [(1, .integer(365)), (2, .integer(8)), (3, .integer(0))]),
                version(2, 1, [(1, .integer(380)), (2, .integer(9))], seen: [dot(1, 1)], stated: 200),
                version(3, 1, [(1, .integer(370)), (2, .integer(7))], seen: [dot(1, 1)], stated: 300),
                version(4, 1, [(3, .integer(1))], seen: [dot(1, 1)], stated: 400),
            ]),
        merge(
            "group-settled", "a version that was shown both readings replaces both", revisions: grouped,
            [
                version(1, 1, [(1, .integer(365)), (2, .integer(8))]),
                version(2, 1, [(1, .integer(380)), (2, .integer(9))], stated: 200),
                version(
                    3, 1, [(1, .integer(365)), (2, .integer(8))], seen: [dot(1, 1), dot(2, 1)], stated: 300),
            ]),
    ]

    private static let revisions: [Case] = [
        merge(
            "higher-form-revision-decides",
            "field 2 came with revision 2; a version of revision 1 is merged by it too",
            revisions: withUnion,
            [
                version(1, 1, [(2, .list([Array("a".utf8)]))], stated: 200, revision: 2),
                version(2, 1, [(2, .list([Array("b".utf8)]))], stated: 300, revision: 1),
            ]),
        merge(
            "lower-form-revision-alone", "no version of revision 2: field 2 is unknown, and goes by latest",
            revisions: withUnion,
            [
                version(1, 1, [(2, .list([Array("a".utf8)]))], stated: 200),
                version(2, 1, [(2, .list([Array("b".utf8)]))], stated: 300),
            ]),
        merge(
            "revision-of-a-replaced-version", "a version that holds nothing any more still counts",
            revisions: [
                Revision(number: 1, policies: [(1, .latest)]),
                Revision(number: 2, policies: [(1, .latest), (2, .highest)]),
            ],
            [
                version(1, 1, [(2, .integer(1))], revision: 2),
                version(2, 1, [(2, .integer(9))], seen: [dot(1, 1)], stated: 200),
                version(3, 1, [(2, .integer(5))], stated: 300),
            ]),
    ]
}
