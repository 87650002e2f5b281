import SyncCore

/// What a followed column says row by row: 0 what it last said for the row's key, 1 the next new entry, 2 + i
/// entry i.
struct FollowedCodes {
    let leader: TextColumn.Leader
    let table: TextTable
    /// Most entries are their key's own text.
    let isSame: Bool
    /// How many entries the stream remembers.
    let known: UInt32

    /// - Parameters:
    ///   - codes: the entries' numbers, those of new ones in the order of use behind `known`; afterwards what
    ///     is written of them.
    ///   - index: the entries themselves.
    ///   - last: for each key the number of what it had last before, `.max` for nothing; afterwards what it
    ///     has now.
    ///   - firsts: a place for each key; where its first row has code 0 and it had nothing, what it begins
    ///     with, unless all are texts of their keys.
    ///   - others: has room for all entries; those that come up by code 1.
    /// - Returns: how many came up so.
    func write(
        _ codes: inout [UInt32], index: [UInt32], last: inout [UInt32], firsts: inout [UInt32],
        others: inout [UInt32]
    ) -> Int {
        last.withUnsafeMutableBufferPointer { last in
            codes.withUnsafeMutableBufferPointer { codes in
                firsts.withUnsafeMutableBufferPointer { firsts in
                    others.withUnsafeMutableBufferPointer { others in
                        index.withUnsafeBufferPointer { index in
                            walk(codes, index: index, last: last, firsts: firsts, others: others)
                        }
                    }
                }
            }
        }
    }

    private typealias Places = UnsafeMutableBufferPointer<UInt32>

    private func walk(
        _ codes: Places, index: UnsafeBufferPointer<UInt32>, last: Places, firsts: Places, others: Places
    ) -> Int {
        leader.index.withUnsafeBufferPointer { keys in
            precondition(keys.count == codes.count && index.count == codes.count)
            var count = 0
            var used = known
            for row in codes.indices {
                let entry = codes[row]
                let key = Int(keys[row])
                let before = last[key]
                var code = entry == used ? 1 : entry &+ 2
                if before == entry {
                    code = 0
                } else if code == 1, before == .max {
                    if !isSame {
                        firsts[key] = index[row]
                        code = 0
                    } else if table.isEqual(Int(index[row]), to: key, of: leader.table) {
                        code = 0
                    }
                }
                if code == 1 {
                    others[count] = index[row]
                    count += 1
                }
                codes[row] = code
                if entry == used { used += 1 }
                last[key] = entry
            }
            return count
        }
    }
}

extension TextTable {
    /// Whether both entries have the same bytes.
    @inline(__always)
    func isEqual(_ entry: Int, to key: Int, of other: TextTable) -> Bool {
        let own = range(entry)
        let theirs = other.range(key)
        guard own.count == theirs.count else { return false }
        return heap.withUnsafeBytes { left in
            other.heap.withUnsafeBytes { right in
                var at = 0
                while at + 8 <= own.count {
                    let mine = left.loadUnaligned(fromByteOffset: own.lowerBound + at, as: UInt64.self)
                    let word = right.loadUnaligned(fromByteOffset: theirs.lowerBound + at, as: UInt64.self)
                    guard mine == word else { return false }
                    at += 8
                }
                while at < own.count {
                    guard left[own.lowerBound + at] == right[theirs.lowerBound + at] else { return false }
                    at += 1
                }
                return true
            }
        }
    }
}
