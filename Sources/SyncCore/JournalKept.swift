/// What a store keeps of a version in its journal once salts are destroyed: enough for the chain, and no
/// more.
public enum KeptHashes: Sendable, Hashable {
    public struct ClassHash: Sendable, Hashable {
        public var retentionClass: RetentionClass
        public var hash: Digest

        public init(retentionClass: RetentionClass, hash: Digest) {
            self.retentionClass = retentionClass
            self.hash = hash
        }
    }

    /// The salted hashes of the classes of which the version assigns a field, ascending; everything else is
    /// still there.
    case classes([ClassHash])
    /// Nothing of it is there but its digest.
    case whole(Digest)
}

/// One version laid open for somebody who has only hashes: what its digest and its class hashes are made of.
public struct VersionPreimage: Sendable, Hashable {
    public struct Class: Sendable, Hashable {
        public var retentionClass: RetentionClass
        /// Salt, count of fields, fields.
        public var bytes: [UInt8]

        public init(retentionClass: RetentionClass, bytes: [UInt8]) {
            self.retentionClass = retentionClass
            self.bytes = bytes
        }
    }

    /// digest(n) is the SHA-256 of these.
    public var body: [UInt8]
    /// Ascending by class.
    public var classes: [Class]

    public init(body: [UInt8], classes: [Class]) {
        self.body = body
        self.classes = classes
    }
}

extension JournalChain {
    /// Continues the chain over rows of which some lack their salts: there the kept hashes stand for the
    /// values.
    ///
    /// - Parameters:
    ///   - kept: one for each row.
    ///   - salt: where the salt is there, the values are hashed as well, and compared with what is kept.
    /// - Returns: the heads, and the first row whose values are not those that were hashed.
    public func walk(
        _ columns: VersionColumns, origin: OriginID, first: UInt64, from head: Digest, kept: [KeptHashes],
        salt: (Int32, RetentionClass) -> Token16?
    ) -> (walk: Walk, strayed: Int?) {
        var digests: [Digest] = []
        var strayed: Int?
        var worker = DigestWorker(hashing: hashing, columns: columns)
        for row in 0..<min(columns.count, kept.count) {
            let digest: Digest
            switch kept[row] {
            case .whole(let whole): digest = whole
            case .classes(let classes):
                worker.keep(classes)
                let made = try? worker.digest(
                    columns, row: row, dot: Dot(origin: origin, sequence: first + UInt64(row)),
                    authoredDot: columns.authoredDot(of: row), salt: salt)
                if made == nil || worker.hasStrayed { strayed = strayed ?? row }
                digest = made ?? .zero
            }
            digests.append(digest)
        }
        if columns.count != kept.count { strayed = strayed ?? min(columns.count, kept.count) }
        return (Walk(digests: digests, from: head, hashing: hashing), strayed)
    }

    /// What is to be kept of each row before its salts are destroyed.
    ///
    /// - Throws: ``Failure/saltMissing(day:retentionClass:)``
    public func hashes(
        _ columns: VersionColumns, origin: OriginID, first: UInt64, salt: (Int32, RetentionClass) -> Token16?
    ) throws(Failure) -> [KeptHashes] {
        var worker = DigestWorker(hashing: hashing, columns: columns)
        var kept: [KeptHashes] = []
        for row in 0..<columns.count {
            worker.collect()
            _ = try worker.digest(
                columns, row: row, dot: Dot(origin: origin, sequence: first + UInt64(row)),
                authoredDot: columns.authoredDot(of: row), salt: salt)
            kept.append(.classes(worker.collected.map(\.hash)))
        }
        return kept
    }

    /// The digest of a version of which class hashes are kept.
    public func digest(of version: Version, kept: [KeptHashes.ClassHash]) -> Digest? {
        let columns = VersionColumns(CollectionOfOne(version))
        var worker = DigestWorker(hashing: hashing, columns: columns)
        worker.keep(kept)
        let digest = try? worker.digest(
            columns, row: 0, dot: version.dot, authoredDot: version.authoredDot
        ) { _, _ in nil }
        return worker.hasStrayed ? nil : digest
    }

    /// Lays a version open.
    ///
    /// - Throws: ``Failure/saltMissing(day:retentionClass:)``
    public func preimage(
        of version: Version, salt: (Int32, RetentionClass) -> Token16?
    ) throws(Failure) -> VersionPreimage {
        let columns = VersionColumns(CollectionOfOne(version))
        var worker = DigestWorker(hashing: hashing, columns: columns)
        worker.collect()
        _ = try worker.digest(
            columns, row: 0, dot: version.dot, authoredDot: version.authoredDot, salt: salt)
        return VersionPreimage(
            body: Array(worker.body.bytes()),
            classes: worker.collected.map {
                VersionPreimage.Class(retentionClass: $0.hash.retentionClass, bytes: $0.preimage)
            })
    }
}
