/// Texts with their numbers, by open addressing: looking one up allocates nothing, and reads it where it
/// lies.
///
/// Seeded, so that nobody outside can choose texts that collide. The seed decides nothing but places.
struct TermIndex {
    private struct Entry {
        var hash: UInt64
        var start: Int
        var count: Int
        var number: Int64
    }

    private let seed = UInt64.random(in: .min ... .max)
    private var entries: [Entry] = []
    private var heap: [UInt8] = []
    /// For each hash's place one more than the entry's index; 0 where nothing is. A power of two in number,
    /// at least twice as many as there are entries.
    private var slots = [Int32](repeating: 0, count: 64)

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        heap.removeAll(keepingCapacity: true)
        for slot in slots.indices { slots[slot] = 0 }
    }

    /// The text's number; nil when it was not inserted.
    func number(of text: UnsafeRawBufferPointer) -> Int64? {
        let hash = hash(text)
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] > 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash, entry.count == text.count, isSame(entry, text) { return entry.number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// - Precondition: it was not inserted before.
    mutating func insert(_ text: UnsafeRawBufferPointer, number: Int64) {
        let hash = hash(text)
        entries.append(Entry(hash: hash, start: heap.count, count: text.count, number: number))
        heap.append(contentsOf: text)
        if entries.count * 2 > slots.count {
            slots = [Int32](repeating: 0, count: slots.count * 2)
            for index in entries.indices { place(index) }
        } else {
            place(entries.count - 1)
        }
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: entries[index].hash) & mask
        while slots[slot] > 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(truncatingIfNeeded: index + 1)
    }

    private func isSame(_ entry: Entry, _ text: UnsafeRawBufferPointer) -> Bool {
        heap.withUnsafeBytes { heap in
            var offset = 0
            while text.count - offset >= 8 {
                let mine = heap.loadUnaligned(fromByteOffset: entry.start + offset, as: UInt64.self)
                if mine != text.loadUnaligned(fromByteOffset: offset, as: UInt64.self) { return false }
                offset += 8
            }
            while offset < text.count {
                if heap[entry.start + offset] != text[offset] { return false }
                offset += 1
            }
            return true
        }
    }

    private func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
        var state = mixed(UInt64(text.count))
        var offset = 0
        while text.count - offset >= 8 {
            state = mixed(state ^ text.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < text.count {
            rest = rest << 8 | UInt64(text[offset])
            offset += 1
        }
        return mixed(state ^ rest)
    }

    private func mixed(_ word: UInt64) -> UInt64 {
        let product = (word ^ seed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low ^ seed
    }
}
