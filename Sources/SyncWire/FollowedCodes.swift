import SyncCore

/// What a followed column says row by row: 0 what it last said for the row's key, 1 the next new entry, 2 + i
/// entry i.
struct FollowedCodes {
    let leader: TextColumn.Leader
    let table: TextTable
    /// Most entries are their key's own text.
    let isSame: Bool

    /// - Parameters:
    ///   - codes: the entries, in the order of use; afterwards what is written of them.
    ///   - firsts: a place for each key; where its first row has code 0, what it begins with, unless all are
    ///     texts of their keys.
    ///   - others: has room for all entries; those that come up by code 1.
    /// - Returns: how many came up so.
    func write(_ codes: inout [UInt32], firsts: inout [UInt32], others: inout [UInt32]) -> Int {
        var last = firsts
        return last.withUnsafeMutableBufferPointer { last in
            codes.withUnsafeMutableBufferPointer { codes in
                firsts.withUnsafeMutableBufferPointer { firsts in
                    others.withUnsafeMutableBufferPointer { others in
                        walk(codes, last: last, firsts: firsts, others: others)
                    }
                }
            }
        }
    }

    private typealias Places = UnsafeMutableBufferPointer<UInt32>

    private func walk(_ codes: Places, last: Places, firsts: Places, others: Places) -> Int {
        leader.index.withUnsafeBufferPointer { keys in
            precondition(keys.count == codes.count)
            var count = 0
            var used: UInt32 = 0
            for row in codes.indices {
                let entry = codes[row]
                let key = Int(keys[row])
                let known = last[key]
                var code = entry == used ? 1 : entry &+ 2
                if known == entry {
                    code = 0
                } else if code == 1, known == .max {
                    if !isSame {
                        firsts[key] = entry
                        code = 0
                    } else if table.isEqual(Int(entry), to: key, of: leader.table) {
                        code = 0
                    }
                }
                if code == 1 {
                    others[count] = entry
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
