/// Looks for the first thing that is wrong with an audit log.
struct AuditSearch {
    let chain: AuditChain
    let log: AuditLog
    let verifying: Verifying
    let key: [UInt8]

    private var entries: [AuditEntry] { log.entries }

    func firstFinding() -> AuditFinding? {
        var previous = Digest.zero
        var expected: UInt64 = 1
        for (index, entry) in entries.enumerated() {
            let isSigned = isSigned(entry)
            guard isSigned, chain.hash(of: entry) == entry.hash else {
                return finding(at: index, isSigned: isSigned, expected)
            }
            if entry.number > expected { return missing(expected) }
            if entry.number < expected { return .inserted(expected) }
            guard entry.before == previous else { return .notFollowing(expected) }
            if entry.event == AuditChain.endWasGone { return .endWasGone(expected) }
            previous = entry.hash
            expected += 1
        }
        return findingAtTheEnd(previous)
    }

    private func isSigned(_ entry: AuditEntry) -> Bool {
        verifying.isValid(chain.statement(ofEntry: entry.hash), entry.signature, key)
    }

    /// What stands before this entry's place is not it.
    private func missing(_ number: UInt64) -> AuditFinding {
        stands(number) ? .reordered(number) : .dropped(number)
    }

    /// Whether the true entry of this number stands anywhere.
    private func stands(_ number: UInt64, besides index: Int? = nil) -> Bool {
        entries.indices.contains { $0 != index && isTrue(entries[$0], as: number) }
    }

    private func isTrue(_ entry: AuditEntry, as number: UInt64) -> Bool {
        var entry = entry
        entry.number = number
        return chain.hash(of: entry) == entry.hash && isSigned(entry)
    }

    // MARK: - An entry that is not as the hub wrote it

    private func finding(at index: Int, isSigned: Bool, _ expected: UInt64) -> AuditFinding {
        let entry = entries[index]
        if isSigned, let number = trueNumber(of: entry) {
            // The hub's own, under another number: a copy, or it was moved.
            if number < expected || stands(number, besides: index) { return .inserted(entry.number) }
            return entry.number == expected ? missing(expected) : .reordered(number)
        }
        let isLater = stands(expected, besides: index)
        if entry.number != expected {
            // Behind a gap the gap comes first, unless the log ends before it.
            let isWanted = end.map { expected <= $0 } ?? false
            return !isLater && isWanted && entry.number > expected && Int64(bitPattern: entry.number) > 0
                ? .dropped(expected) : .inserted(entry.number)
        }
        if isLater || end.map({ entry.number > $0 }) == true { return .inserted(expected) }
        // What follows goes on from the entry before: this one came between.
        let next = index + 1 < entries.count ? entries[index + 1].before : log.head?.hash
        return next == entry.before && index > 0 ? .inserted(expected) : .altered(expected)
    }

    /// The number under which an entry has its hash; nil when it has it under none.
    private func trueNumber(of entry: AuditEntry) -> UInt64? {
        var entry = entry
        for number in 1...max(UInt64(entries.count) + 1, min(end ?? 0, 1 << 20)) {
            entry.number = number
            if chain.hash(of: entry) == entry.hash { return number }
        }
        return nil
    }

    /// How many entries there were, as far as one of the two ends tells.
    private var end: UInt64? {
        var kept: AuditHead?
        if case .end(let head) = log.beside { kept = head }
        return [log.head, kept].compactMap { $0 }
            .filter { chain.isSigned($0, verifying: verifying, key: key) }.map(\.number).max()
    }

    // MARK: - The end

    /// All entries follow each other.
    private func findingAtTheEnd(_ last: Digest) -> AuditFinding? {
        let count = UInt64(entries.count)
        if case .end(let kept) = log.beside, chain.isSigned(kept, verifying: verifying, key: key) {
            if kept.number > count { return .dropped(count + 1) }
            if kept.number > 0, entries[Int(kept.number) - 1].hash != kept.hash {
                return .notFollowing(kept.number)
            }
        }
        if let head = log.head {
            guard chain.isSigned(head, verifying: verifying, key: key) else { return .endUnsigned(count + 1) }
            if head.number > count { return .dropped(count + 1) }
            guard head.number == count, head.hash == last else { return .notFollowing(head.number) }
        } else if count > 0 {
            return .endUnsigned(count + 1)
        }
        switch log.beside {
        case .notKept: return nil
        case .gone: return count == 0 ? nil : .besideGone
        case .end(let kept):
            guard chain.isSigned(kept, verifying: verifying, key: key) else { return .besideGone }
            return kept.number < log.base ? .besideOld(kept.number) : nil
        }
    }
}
