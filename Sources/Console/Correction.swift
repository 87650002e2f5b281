package import Forms
package import SyncCore

/// What called for an alert holds no more: somebody has corrected or deleted it since. The alert stays as it
/// is, for a person decides.
package struct Correction: Encodable, Hashable, Sendable {
    /// The record that was corrected: its form and key.
    package var record: String
    /// UTC.
    package var at: String
    /// The version that says so.
    package var version: String
    package var author: String?
    /// Where it was written, when that is known.
    package var device: String?
    package var isDeleted: Bool
    /// What it says now of that which called for the alert, as `name=value`.
    package var says: [String]
    private let time: Milliseconds

    private enum CodingKeys: String, CodingKey { case record, at, version, author, device, isDeleted, says }

    /// Nil while the rule still holds, or where that is not known here.
    ///
    /// - Parameter facts: what called for it; nil: not known.
    package init?(
        of raised: RecordKey, facts: [String], _ catalog: CompiledCatalog, _ masking: Masking,
        record lookUp: (RecordKey) throws -> RecordState?, device: (OriginID) throws -> Words?
    ) rethrows {
        guard let cause = catalog.cause(of: raised), let state = try lookUp(cause.key) else { return nil }
        let now = state.effective(under: cause.form.mergeRules)
        guard !cause.holds(now, catalog) else { return nil }
        let named = facts.map { String($0.prefix { $0 != "=" }) }
        let fields = now.fields.filter { field in
            cause.fields.contains(field.field)
                && (named.isEmpty
                    || named.contains(cause.form.definition.field(field.field)?.name ?? ""))
        }
        // Who wrote the record in the first place has corrected nothing: what counts as a finding may have
        // become another.
        let candidates = state.siblings.filter { version in
            now.exists
                ? !version.context.isEmpty && fields.contains { $0.setter == version.dot } : version.isDelete
        }
        let latest = candidates.max { ($0.authored, $0.dot) < ($1.authored, $1.dot) }
        guard let latest else { return nil }
        self.record = Masking.clean("\(cause.key.form) \(RecordText.text(cause.key))")
        time = latest.authored
        at = RecordText.time(latest.authored)
        version = RecordText.text(latest.dot)
        author = masking.author(latest.author)
        self.device = try device(latest.dot.origin).map { Masking.clean($0.text()) }
        isDeleted = !now.exists
        says =
            now.exists
            ? fields.map { field in
                let name = masking.name(of: field.field, in: cause.key.form)
                return name + "="
                    + RecordReport.shown(masking.text(field.value, field: field.field, of: cause.key.form))
            } : []
    }

    package func words(_ times: TimeText) -> Words {
        let when = times.text(time)
        let who = [author, device].compactMap { $0 }.joined(separator: ", ")
        let by = who.isEmpty ? Words("", zh: "") : Words(" by \(who)", zh: "由 \(who) ")
        let what = says.isEmpty ? "" : ": " + says.joined(separator: "; ")
        return isDeleted
            ? Words(
                "CORRECTED SINCE: \(record) was deleted at \(when)\(by.en) (version \(version)); the alert "
                    + "stays open until somebody closes it",
                zh: "此后有更正：\(record) 已于 \(when) \(by.zh)删除（版本 \(version)）；预警仍待有人办结")
            : Words(
                "CORRECTED SINCE: \(record) at \(when)\(by.en) (version \(version))\(what); the alert stays "
                    + "until somebody closes it",
                zh: "此后有更正：\(record) 已于 \(when) \(by.zh)更正（版本 \(version)）\(what)；预警仍待有人办结")
    }
}
