import Forms
public import SyncCore
public import SyncStore

/// What came of a version that was read out.
public enum SpokenOutcome: Sendable, Hashable {
    /// It stands here now, under this name of the hub's own.
    case taken(Dot)
    /// It had come before, read out or by whatever way.
    case known
    /// Nothing was written, for this reason (a verdict's).
    case refused(reason: String)
}

/// What was read out over the telephone instead of being sent.
extension SQLiteHubStore {
    /// Of all devices that ever joined, ascending by number.
    public func deviceKeys() throws -> [(device: Int64, publicKey: [UInt8])] {
        try connection.read {
            try connection.all("SELECT id, public_key FROM device ORDER BY id") { ($0.int(0), $0.bytes(1)) }
        }
    }

    /// Gives a version that a device authored, called by its first name, a name in the hub's own journal.
    ///
    /// The journal of the device has no room for it: there is a hole before it, and neither salts nor seals
    /// were read out. It comes with the next batches all the same, and is the same version then.
    public func takeSpoken(
        _ version: Version, from device: Int64, clock: AuthoringClock
    ) throws -> Result<SpokenOutcome, Refuse> {
        do {
            return try writing(.vital, clock: clock) { transaction in
                if let refuse = try refusal(of: version, from: device) { return .failure(refuse) }
                let name = "\(version.key.form), device's \(version.dot.sequence)"
                if try isHeld(version) {
                    try act("spoken", device: device, detail: "\(name), held already", at: clock.now)
                    return .success(.known)
                }
                if let reason = try reason(against: version, now: clock.now) {
                    throw SpokenRefusal(reason: reason)
                }
                let (dot, verdicts) = try transaction.author(again: version)
                if let held = verdicts.first(where: { $0.kind == .quarantined }) {
                    throw SpokenRefusal(reason: held.reason)
                }
                try act("spoken", device: device, detail: name, at: clock.now)
                return .success(.taken(dot))
            }
        } catch let refusal as SpokenRefusal {
            return .success(.refused(reason: refusal.reason))
        }
    }

    private func refusal(of version: Version, from device: Int64) throws -> Refuse? {
        guard let sender = try sender(device) else { return Refuse(.unknownDevice) }
        switch sender.state {
        case .pending: return Refuse(.pendingDevice, words: "waiting for the centre")
        case .revoked: return .revoked
        case .active: break
        }
        guard let origin = try origin(version.dot.origin), origin.device != device else { return nil }
        return Refuse(.originOfAnother, words: "it names a journal of another device")
    }

    /// Whether it came before under any name, quarantined or not.
    private func isHeld(_ version: Version) throws -> Bool {
        if let found = try self.version(version.dot), found.isNamesake(of: version) { return true }
        guard let table = table(version.key.form) else { return false }
        let print = version.contentPrint
        return try state(of: version.key, in: table).aliases.contains {
            $0.first == version.dot && $0.print == print
        }
    }

    /// What ingest says of a version before it looks into it.
    private func reason(against version: Version, now: Milliseconds) throws -> String? {
        let checks = try loadedChecks()
        guard let form = checks.catalog[version.key.form] else { return Reason.unknownForm }
        guard form.definition.isWritable(by: .branch) else { return Reason.notWritable }
        let retention = checks.retention.on(checks.zone.day(of: now))
        return retention.isOver(form: Array(version.key.form.utf8), key: version.key.values)
            ? Reason.retentionOver : nil
    }
}

/// Ends the transaction, so that nothing of the version stays.
private struct SpokenRefusal: Error {
    var reason: String
}
