package import Forms
package import SyncCore

extension HubStore {
    /// The unit under which a raised record stands: that of its key or person, or else of the branch that
    /// reported it; nil where neither is known.
    package func answeringUnit(of key: RecordKey, _ catalog: CompiledCatalog) throws -> String? {
        if let unit = try unit(of: key) { return unit }
        if let unit = try reportingUnit(of: key) { return unit }
        guard let cause = catalog.cause(of: key) else { return nil }
        return try reportingUnit(of: cause.key)
    }

    /// The unit of the device that wrote first of what stands of a record; nil where the centre did.
    func reportingUnit(of key: RecordKey) throws -> String? {
        let versions = try record(key)?.siblings ?? []
        for version in versions.sorted(by: { ($0.authored, $0.dot) < ($1.authored, $1.dot) }) {
            if let device = try device(of: version.dot.origin) { return device.unit }
        }
        return nil
    }
}
