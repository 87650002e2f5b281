/// How the fields of one form are merged: policies, merge groups, and the revision that brought each field.
///
/// Policies and groups are frozen for a form's life, so that the rules of any revision hold for all earlier
/// ones: a field that a revision did not have yet goes by `latest` there, and alone.
public struct MergeRules: Sendable, Hashable {
    public struct Field: Sendable, Hashable {
        public var id: FieldID
        public var policy: MergePolicy
        public var retentionClass: RetentionClass
        /// The form revision that brought the field.
        public var since: UInt32
        /// The number of its merge group; nil when it moves alone.
        public var group: Int?

        public init(
            id: FieldID, policy: MergePolicy, retentionClass: RetentionClass = 0, since: UInt32 = 1,
            group: Int? = nil
        ) {
            self.id = id
            self.policy = policy
            self.retentionClass = retentionClass
            self.since = since
            self.group = group
        }
    }

    /// Every field by `latest`, and alone.
    public static let latest = MergeRules([])

    /// Ascending by id.
    public let fields: [Field]

    public init(_ fields: [Field]) { self.fields = fields.sorted { $0.id < $1.id } }

    public subscript(id: FieldID) -> Field? {
        var low = 0
        var high = fields.count
        while low < high {
            let middle = (low + high) / 2
            if fields[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < fields.count && fields[low].id == id ? fields[low] : nil
    }

    /// The policy of a field under a form revision; one that it does not know goes by `latest`.
    public func policy(of id: FieldID, at revision: UInt32) -> MergePolicy {
        guard let field = self[id], field.since <= revision else { return .latest }
        return field.policy
    }

    /// All fields that move together with `id` under a form revision, itself among them, ascending.
    public func group(of id: FieldID, at revision: UInt32) -> [FieldID] {
        guard let field = self[id], let group = field.group, field.since <= revision else { return [id] }
        return fields.filter { $0.group == group && $0.since <= revision }.map(\.id)
    }
}
