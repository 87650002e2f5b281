import Forms
public import SyncCore

/// What a branch reads out instead of sending it.
extension TableAgentStore {
    /// Own versions without a receipt, urgent ones first, in order, until `body` returns false.
    public func eachWaiting(_ body: (Version) throws -> Bool) throws {
        try backend.read { tables in
            let own = try tables.closedOrigins().filter { !$0.isParted } + tables.origins()
            for lane in Lane.allCases {
                for origin in own where origin.claim.lane == lane && origin.receipted < origin.sequence {
                    var goesOn = true
                    try tables.eachVersion(of: origin.id, after: origin.receipted) { stored in
                        // Behind the end of a closed one lies what came down the feed.
                        guard stored.version.dot.sequence <= origin.sequence else { return false }
                        goesOn = try body(stored.version)
                        return goesOn
                    }
                    if !goesOn { return }
                }
            }
        }
    }

    /// Keeps that the hub has answered for an own version over the telephone. It is no receipt: the version
    /// is sent all the same.
    public func noteSpoken(_ dot: Dot) throws {
        try backend.write { tables in
            tables.isVital = true
            try tables.put(Verdict(dot: dot, kind: .heldAlready, reason: Reason.takenByPhone))
        }
    }

    /// Own versions that the hub has answered for so and not receipted yet.
    public func spoken() throws -> Set<Dot> {
        try backend.read { tables in
            let own = try tables.ownOrigins()
            let last = try tables.lastVerdicts([.heldAlready], limit: .max).map(\.verdict)
            return Set(
                last.filter { verdict in
                    verdict.reason == Reason.takenByPhone
                        && own.contains {
                            $0.id == verdict.dot.origin && verdict.dot.sequence > $0.receipted
                        }
                }.map(\.dot))
        }
    }
}
