package import SyncCore
package import SyncStore

/// Who wrote a version, as people call it.
package enum DeviceWords {
    /// - Parameter isHere: this is the hub itself, so that an origin without a device is its own.
    package static func words(for device: DeviceInfo?, isHere: Bool) -> Words? {
        guard let device else { return isHere ? Words("the centre", zh: "汇总端") : nil }
        // Labels may hold names of people.
        return Words("device \(device.id) of \(device.unit)", zh: "\(device.unit) 的设备 \(device.id)")
    }

    /// Versions that are kept and do not count, by what was said of each last.
    package static func heldBack(_ verdicts: [Verdict]) -> Set<Dot> {
        var held: Set<Dot> = []
        for verdict in verdicts {
            switch verdict.kind {
            case .quarantined: held.insert(verdict.dot)
            case .released: held.remove(verdict.dot)
            case .noted, .heldAlready: break
            }
        }
        return held
    }
}
