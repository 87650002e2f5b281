import SyncCore

/// Ask and Tally: what two ends compare.
extension ByteWriter {
    mutating func put(_ question: TallyQuestion) {
        put(varint: question.position)
        put(count: question.own.count)
        for dot in question.own {
            put(word: dot.origin)
            put(varint: dot.sequence)
        }
        put(count: question.paths.count)
        for path in question.paths { put(path) }
    }

    mutating func put(_ answer: TallyAnswer) {
        put(varint: answer.position)
        put(zigzag: Int64(answer.today))
        put(count: answer.parts.count)
        for part in answer.parts {
            put(part.path)
            put(part.isCut ? 1 : 0)
            switch part.content {
            case .groups(let groups):
                put(0 as UInt8)
                put(count: groups.count)
                for group in groups {
                    put(step: group.path)
                    put(varint: group.tally.count)
                    put(word: group.tally.sum)
                    put(varint: group.tally.moving)
                }
            case .records(let records):
                put(1 as UInt8)
                put(count: records.count)
                for record in records {
                    put(counted: record.key)
                    put(word: record.print)
                    put(record.flags.intersection(.sent).rawValue)
                }
            }
        }
    }

    mutating func put(_ path: TallyPath) {
        switch path {
        case .all: put(0 as UInt8)
        case .period(let form, let period):
            put(1 as UInt8)
            put(counted: form)
            put(zigzag: Int64(period))
        case .day(let form, let day):
            put(2 as UInt8)
            put(form, day)
        case .unit(let form, let day, let unit):
            put(3 as UInt8)
            put(form, day)
            put(counted: unit)
        case .bucket(let form, let day, let unit, let depth, let prefix):
            put(4 as UInt8)
            put(form, day)
            put(counted: unit)
            put(depth)
            put(varint: prefix)
        }
    }

    private mutating func put(_ form: [UInt8], _ day: Int32?) {
        put(counted: form)
        put(day == nil ? 0 : 1)
        if let day { put(zigzag: Int64(day)) }
    }

    /// What a child's path says beyond that of the part it belongs to.
    private mutating func put(step path: TallyPath) {
        switch path {
        case .all: break
        case .period(let form, let period):
            put(counted: form)
            put(1 as UInt8)
            put(zigzag: Int64(period))
        case .day(let form, nil):
            put(counted: form)
            put(0 as UInt8)
        case .day(_, let day?): put(zigzag: Int64(day))
        case .unit(_, _, let unit): put(counted: unit)
        case .bucket(_, _, _, _, let prefix): put(UInt8(truncatingIfNeeded: prefix & 63))
        }
    }
}

extension ByteReader {
    mutating func tallyQuestion() throws(WireError) -> TallyQuestion {
        let position = try varint(.message)
        let ownCount = try count(upTo: Limits.helloOrigins, ofAtLeast: 9, .message)
        var own: [Dot] = []
        for _ in 0..<ownCount { own.append(Dot(origin: try origin(), sequence: try sequence())) }
        let pathCount = try count(upTo: Limits.tallyPaths, ofAtLeast: 1, .message)
        guard pathCount > 0 else { throw error(.outOfRange, .message) }
        var paths: [TallyPath] = []
        for _ in 0..<pathCount { paths.append(try tallyPath()) }
        // Each part costs a look at the store: none is looked at twice, and all of it by itself only.
        guard Set(paths).count == paths.count, paths.count == 1 || !paths.contains(.all) else {
            throw error(.notCanonical, .message)
        }
        return TallyQuestion(position: position, own: own, paths: paths)
    }

    mutating func tallyAnswer() throws(WireError) -> TallyAnswer {
        let position = try varint(.message)
        let today = try day()
        let partCount = try count(upTo: Limits.tallyPaths, ofAtLeast: 4, .message)
        var left = Limits.tallyEntries
        var parts: [TallyAnswer.Part] = []
        for _ in 0..<partCount {
            let path = try tallyPath()
            let isCut = try flag()
            let content: TallyAnswer.Content
            switch try byte(.message) {
            case 0: content = .groups(try tallyGroups(of: path, &left))
            case 1: content = .records(try tallyRecords(&left))
            default: throw error(.outOfRange, .message)
            }
            parts.append(TallyAnswer.Part(path: path, content: content, isCut: isCut))
        }
        return TallyAnswer(position: position, today: today, parts: parts)
    }

    private mutating func tallyGroups(
        of path: TallyPath, _ left: inout Int
    ) throws(WireError) -> [TallyGroup] {
        let count = try count(upTo: left, ofAtLeast: 11, .message)
        left -= count
        var groups: [TallyGroup] = []
        for _ in 0..<count {
            guard let child = try child(of: path) else { throw error(.outOfRange, .message) }
            groups.append(
                TallyGroup(
                    path: child,
                    tally: Tally(
                        count: try varint(.message), sum: try word(.message), moving: try varint(.message))))
        }
        return groups
    }

    private mutating func tallyRecords(_ left: inout Int) throws(WireError) -> [TallyRecord] {
        let count = try count(upTo: min(left, Limits.tallyRecords), ofAtLeast: 10, .message)
        left -= count
        var records: [TallyRecord] = []
        for _ in 0..<count {
            let key = try counted(upTo: Limits.keyBytes, .message)
            let print = try word(.message)
            let flags = TallyFlags(rawValue: try byte(.message))
            guard flags.isSubset(of: .sent) else { throw error(.outOfRange, .message) }
            records.append(TallyRecord(key: key, print: print, flags: flags))
        }
        return records
    }

    /// A path; what is below a part that cannot be divided is refused.
    mutating func tallyPath() throws(WireError) -> TallyPath {
        let level = try byte(.message)
        if level == 0 { return .all }
        guard level <= 4 else { throw error(.outOfRange, .message) }
        let form = try tallyForm()
        if level == 1 { return .period(form: form, period: try day()) }
        let day = try flag() ? try self.day() : nil
        if level == 2 { return .day(form: form, day: day) }
        let unit = try tallyUnit()
        if level == 3 { return .unit(form: form, day: day, unit: unit) }
        let depth = try byte(.message)
        guard depth >= 1, depth <= TallyPath.deepest else { throw error(.outOfRange, .message) }
        let prefix = try varint(.message)
        guard prefix >> (6 * UInt64(depth)) == 0 else { throw error(.outOfRange, .message) }
        return .bucket(form: form, day: day, unit: unit, depth: depth, prefix: prefix)
    }

    private mutating func child(of path: TallyPath) throws(WireError) -> TallyPath? {
        switch path {
        case .all:
            let form = try tallyForm()
            return try flag() ? .period(form: form, period: try day()) : .day(form: form, day: nil)
        case .period(let form, let period):
            let day = try day()
            return TallyPath.period(of: day) == period ? .day(form: form, day: day) : nil
        case .day(let form, let day): return .unit(form: form, day: day, unit: try tallyUnit())
        case .unit(let form, let day, let unit):
            let digit = try byte(.message)
            guard digit < 64 else { return nil }
            return .bucket(form: form, day: day, unit: unit, depth: 1, prefix: UInt64(digit))
        case .bucket(let form, let day, let unit, let depth, let prefix):
            let digit = try byte(.message)
            guard digit < 64, depth < TallyPath.deepest else { return nil }
            return .bucket(
                form: form, day: day, unit: unit, depth: depth + 1, prefix: prefix << 6 | UInt64(digit))
        }
    }

    private mutating func day() throws(WireError) -> Int32 {
        guard let day = Int32(exactly: try zigzag(.message)) else { throw error(.outOfRange, .message) }
        return day
    }

    private mutating func tallyForm() throws(WireError) -> [UInt8] {
        let form = Array(try string(upTo: Limits.formNameBytes, .message).utf8)
        guard !form.isEmpty else { throw error(.outOfRange, .message) }
        return form
    }

    private mutating func tallyUnit() throws(WireError) -> [UInt8] {
        Array(try string(upTo: Limits.keyBytes, .message).utf8)
    }
}
