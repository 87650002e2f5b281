import Forms
public import SyncCore

extension MemoryHubStore {
    public func greet(_ hello: Hello, publicKey: [UInt8], now: Milliseconds) -> Result<Asker, Refuse> {
        let fingerprint = means.hashing(publicKey)
        guard let device = content.devices.first(where: { $0.info.fingerprint == fingerprint })?.info else {
            return .failure(Refuse(.unknownDevice))
        }
        switch device.state {
        case .pending: return .failure(Refuse(.pendingDevice, retryAfter: 60))
        case .revoked: return .failure(.revoked)
        case .active: break
        }
        let held = hello.origins.compactMap { head -> HeldOrigin? in
            let id = head.claim.derivation(publicKey: publicKey, hashing: means.hashing).originID
            return content.origins[id]?.told
        }
        return .success(
            Asker(
                device: device, hello: hello, epoch: epoch, held: held, settings: settingsJSON(), now: now))
    }

    public func answer(
        _ question: TallyQuestion, of asker: Asker, now: Milliseconds, isPatient: () -> Bool
    ) throws -> TallyAnswer {
        let today = catalog.zone.day(of: now)
        let horizon = horizon(question, of: asker.device)
        let scope = TallyScope(
            root: content.terms[Array(asker.unit.utf8)] ?? -1, today: today, fedDay: content.scopeDay,
            register: content.register)
        let retention = Retention(means.forms, today: today)
        var builder = TallyBuilder(question.paths)
        for name in content.records.keys.sorted() {
            guard isPatient() else { throw Asker.impatience }
            guard let (key, state) = content.records[name], let roles = table(key.form)?.roles,
                let (place, isMoving) = place(of: key, name, roles, scope), !retention.isOver(key)
            else { continue }
            let flags: TallyFlags = isMoving || horizon.isPassed(by: state.seen) ? .moving : []
            let print = RecordPrint(form: name.form, key: name.key, retention.trimmed(state) ?? state)
            builder.add(place, print, flags: flags) { name.key }
        }
        return builder.answer(position: logEnd.position, today: today)
    }

    private func place(
        of key: RecordKey, _ name: RecordName, _ roles: HubRoles, _ scope: TallyScope
    ) -> (TallyPlace, isMoving: Bool)? {
        let number: (Int?) -> Int64? = { position in
            guard let position, case .text(let text) = key.values[position] else { return nil }
            return self.content.terms[text] ?? 0
        }
        let day = roles.dayKey.flatMap { key.values[$0].integer }.map { Int32(clamping: $0) }
        let place = scope.place(
            roles, person: number(roles.personKey), unit: number(roles.unitKey), day: day)
        guard let place else { return nil }
        let text = place.unit == 0 ? [] : content.terms.first { $0.value == place.unit }?.key ?? []
        return (TallyPlace(form: name.form, day: day, unit: text), place.isMoving)
    }

    private func horizon(_ question: TallyQuestion, of device: Int64) -> TallyHorizon {
        var reach: [OriginID: UInt64] = [:]
        for segment in content.log.prefix(Int(clamping: question.position)) {
            reach[segment.batch.origin] = segment.batch.last
        }
        for dot in question.own where content.origins[dot.origin]?.device == device {
            reach[dot.origin] = dot.sequence
        }
        return TallyHorizon(reach)
    }
}
