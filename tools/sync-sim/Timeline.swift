/// What is going to happen, in the order of simulated time; what is due at the same moment comes in the order
/// in which it was planned.
struct Timeline {
    private struct Entry {
        var time: UInt64
        var serial: UInt64
        var body: () throws -> Void

        static func < (left: Entry, right: Entry) -> Bool {
            (left.time, left.serial) < (right.time, right.serial)
        }
    }

    /// Milliseconds since the beginning.
    private(set) var now: UInt64 = 1
    private(set) var done: UInt64 = 0
    private var serial: UInt64 = 0
    /// A heap: each entry is not later than its two children.
    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }
    var next: UInt64? { entries.first?.time }

    mutating func plan(in delay: UInt64, _ body: @escaping () throws -> Void) {
        serial += 1
        entries.append(Entry(time: now + delay, serial: serial, body: body))
        var place = entries.count - 1
        while place > 0, entries[place] < entries[(place - 1) / 2] {
            entries.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// The next thing that is due until `end`; nil when there is none, and then it is `end`.
    mutating func take(until end: UInt64) -> (() throws -> Void)? {
        guard let first = entries.first, first.time <= end else {
            now = max(now, end)
            return nil
        }
        now = first.time
        done += 1
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return first.body
    }

    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
                if entries[child] < entries[least] { least = child }
            }
            if least == place { return }
            entries.swapAt(place, least)
            place = least
        }
    }
}
