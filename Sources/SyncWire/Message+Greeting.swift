import SyncCore

/// Join, Joined, Hello, Welcome, Refuse and Close.
extension ByteWriter {
    mutating func put(_ join: Join) {
        put(join.secret)
        put(join.replica)
        put(join.label)
        put(zigzag: join.clock)
    }

    mutating func put(_ joined: Joined) {
        put(joined.state.rawValue)
        put(varint: UInt64(joined.confirmation))
        put(joined.unit)
        put(joined.unitName)
        put(joined.hubName)
        put(zigzag: joined.clock)
        put(counted: joined.settings)
    }

    mutating func put(_ hello: Hello) {
        put(hello.replica)
        put(count: hello.origins.count)
        for origin in hello.origins {
            put(origin.claim.lane.rawValue | (origin.isClosed ? 2 : 0))
            put(origin.claim.nonce)
            put(varint: origin.sequence)
            put(word: origin.head.word)
            put(varint: origin.receipted)
        }
        put(capabilities: hello.capabilities)
        put(count: hello.dictionaries.count)
        for dictionary in hello.dictionaries { put(varint: UInt64(dictionary)) }
        put(zigzag: hello.clock)
        put(hello.sessionToken)
        put(hello.epoch)
        put(hello.feed)
        put(hello.urgent)
        put(hello.routine)
        put(hello.program)
        put(word: hello.settings)
    }

    mutating func put(_ welcome: Welcome) {
        put(welcome.epoch)
        put(welcome.sessionToken)
        put(welcome.isTokenUnknown ? 1 : 0)
        put(count: welcome.held.count)
        for held in welcome.held {
            put(word: held.origin)
            put(varint: held.sequence)
            put(held.head)
            put(held.receipt == nil ? 0 : 1)
            if let receipt = held.receipt { put(receipt) }
            put(varint: held.backedUp)
        }
        put(varint: UInt64(welcome.urgentWindow))
        put(varint: UInt64(welcome.routineWindow))
        put(varint: UInt64(welcome.maximumBatch))
        put(zigzag: welcome.clock)
        put(capabilities: welcome.capabilities)
        put(varint: UInt64(welcome.dictionary))
        put(counted: welcome.settings)
    }

    mutating func put(_ refuse: Refuse) {
        put(varint: UInt64(refuse.code.rawValue))
        put(varint: UInt64(refuse.retryAfter))
        put(refuse.words)
    }

    mutating func put(_ token: FeedToken) {
        put(token.epoch)
        put(varint: token.position)
        put(varint: token.step)
        put(word: token.hash.word)
    }

    mutating func put(_ receipt: Receipt) {
        put(word: receipt.origin)
        put(varint: receipt.sequence)
        put(receipt.head)
        put(zigzag: receipt.time)
        put(counted: receipt.signature)
    }

    private mutating func put(_ backlog: Backlog) {
        put(varint: backlog.count)
        put(varint: backlog.oldestAge)
    }

    private mutating func put(capabilities: [String]) {
        put(count: capabilities.count)
        for capability in capabilities { put(capability) }
    }
}

extension ByteReader {
    /// 0 or 1 and nothing else.
    mutating func flag() throws(WireError) -> Bool {
        let value = try byte(.message)
        guard value <= 1 else { throw error(.notCanonical, .message) }
        return value == 1
    }

    mutating func origin() throws(WireError) -> OriginID {
        let origin = try word(.message)
        guard origin != 0 else { throw error(.outOfRange, .message) }
        return origin
    }

    /// A sequence, or 0 where nothing is there yet.
    mutating func sequence() throws(WireError) -> UInt64 {
        let sequence = try varint(.message)
        guard sequence <= Limits.sequence else { throw error(.limit, .message) }
        return sequence
    }

    mutating func clock() throws(WireError) -> Milliseconds {
        let clock = try zigzag(.message)
        guard clock >= -Limits.time, clock <= Limits.time else { throw error(.limit, .message) }
        return clock
    }

    mutating func signature() throws(WireError) -> [UInt8] {
        let signature = try counted(upTo: Limits.signatureBytes, .message)
        guard signature.isEmpty || signature.count == Limits.signatureBytes else {
            throw error(.outOfRange, .message)
        }
        return signature
    }

    mutating func join() throws(WireError) -> Join {
        Join(
            secret: try token(.message), replica: try token(.message),
            label: try string(upTo: Limits.labelBytes, .message), clock: try clock())
    }

    mutating func joined() throws(WireError) -> Joined {
        guard let state = Joined.State(rawValue: try byte(.message)) else {
            throw error(.outOfRange, .message)
        }
        let confirmation = try varint32(.message)
        guard confirmation < 1_000_000 else { throw error(.outOfRange, .message) }
        return Joined(
            state: state, confirmation: confirmation, unit: try string(upTo: Limits.keyBytes, .message),
            unitName: try string(upTo: Limits.words, .message),
            hubName: try string(upTo: Limits.words, .message), clock: try clock(),
            settings: try counted(upTo: Limits.settingsBytes, .message))
    }

    mutating func hello() throws(WireError) -> Hello {
        let replica = try token(.message)
        let count = try count(upTo: Limits.helloOrigins, ofAtLeast: 27, .message)
        var origins: [OriginHead] = []
        origins.reserveCapacity(count)
        for _ in 0..<count {
            let flags = try byte(.message)
            guard flags <= 3, let lane = Lane(rawValue: flags & 1) else {
                throw error(.outOfRange, .message)
            }
            let claim = OriginClaim(lane: lane, nonce: try token(.message))
            origins.append(
                OriginHead(
                    claim: claim, sequence: try sequence(), head: ShortDigest(word: try word(.message)),
                    receipted: try sequence(), isClosed: flags & 2 != 0))
        }
        guard origins.count(where: \.isClosed) <= Limits.closedOrigins else { throw error(.limit, .message) }
        let capabilities = try capabilities()
        let dictionaryCount = try self.count(upTo: Limits.dictionaries, ofAtLeast: 1, .message)
        var dictionaries: [UInt32] = []
        for _ in 0..<dictionaryCount { dictionaries.append(try varint32(.message)) }
        return Hello(
            replica: replica, origins: origins, capabilities: capabilities, dictionaries: dictionaries,
            clock: try clock(), sessionToken: try token(.message), epoch: try token(.message),
            feed: try feedToken(), urgent: try backlog(), routine: try backlog(),
            program: try string(upTo: Limits.labelBytes, .message), settings: try word(.message))
    }

    mutating func welcome() throws(WireError) -> Welcome {
        let epoch = try token(.message)
        let sessionToken = try token(.message)
        let isTokenUnknown = try flag()
        let count = try count(upTo: Limits.helloOrigins, ofAtLeast: 43, .message)
        var held: [HeldOrigin] = []
        held.reserveCapacity(count)
        for _ in 0..<count {
            let origin = try origin()
            let sequence = try sequence()
            let head = try digest(.message)
            held.append(
                HeldOrigin(
                    origin: origin, sequence: sequence, head: head,
                    receipt: try flag() ? try receipt() : nil, backedUp: try self.sequence()))
        }
        return Welcome(
            epoch: epoch, sessionToken: sessionToken, isTokenUnknown: isTokenUnknown, held: held,
            urgentWindow: try varint32(.message),
            routineWindow: try varint32(.message), maximumBatch: try varint32(.message), clock: try clock(),
            capabilities: try capabilities(), dictionary: try varint32(.message),
            settings: try counted(upTo: Limits.settingsBytes, .message))
    }

    mutating func refuse() throws(WireError) -> Refuse {
        guard let code = UInt16(exactly: try varint(.message)) else { throw error(.outOfRange, .message) }
        return Refuse(
            RefusalCode(rawValue: code), retryAfter: try varint32(.message),
            words: try string(upTo: Limits.words, .message))
    }

    mutating func feedToken() throws(WireError) -> FeedToken {
        let epoch = try token(.message)
        let position = try varint(.message)
        let step = try varint(.message)
        return FeedToken(
            epoch: epoch, position: position, hash: ShortDigest(word: try word(.message)), step: step)
    }

    mutating func receipt() throws(WireError) -> Receipt {
        Receipt(
            origin: try origin(), sequence: try sequence(), head: try digest(.message), time: try clock(),
            signature: try signature())
    }

    private mutating func backlog() throws(WireError) -> Backlog {
        Backlog(count: try varint(.message), oldestAge: try varint(.message))
    }

    private mutating func capabilities() throws(WireError) -> [String] {
        let count = try count(upTo: Limits.capabilities, ofAtLeast: 1, .message)
        var capabilities: [String] = []
        for _ in 0..<count { capabilities.append(try string(upTo: Limits.capabilityBytes, .message)) }
        return capabilities
    }
}
