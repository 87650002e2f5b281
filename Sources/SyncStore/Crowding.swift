package import Forms
package import SyncCore

extension Reason {
    /// Why a hub holds `version` back, after which its record would be `state`; nil: it fits.
    package static func crowding(of state: RecordState, with version: Version) -> String? {
        if state.siblings.count > Limits.siblings { return tooManySiblings }
        return state.aliasCount > Limits.recordAliases ? tooManyNames : nil
    }
}
