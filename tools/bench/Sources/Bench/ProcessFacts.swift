import Foundation

/// What the system says of a process; Linux only, nil elsewhere.
struct ProcessFacts {
    let id: Int32

    init(_ id: Int32) { self.id = id }

    /// Seconds of processor time so far, of all its threads.
    var processorSeconds: Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
            return nil
        }
        return (user + system) / 100
    }

    /// Bytes of memory that it holds now, and the most that it held.
    var memory: (now: Double, most: Double)? {
        let lines = lines(of: "status")
        guard let now = lines["VmRSS"], let most = lines["VmHWM"] else { return nil }
        return (now * 1_024, most * 1_024)
    }

    /// How often each of its threads has slept and been woken so far, by the thread's number.
    var wakes: [String: Double]? {
        guard let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task") else {
            return nil
        }
        var found: [String: Double] = [:]
        for thread in threads {
            found[thread] = lines(of: "task/\(thread)/status")["voluntary_ctxt_switches"]
        }
        return found
    }

    /// Wakes between two moments. Threads that have ended in between are left out: nobody knows theirs.
    static func wakes(from before: [String: Double], to after: [String: Double]) -> Double {
        after.reduce(0) { $0 + $1.value - (before[$1.key] ?? 0) }
    }

    /// Lines such as `VmRSS:  12 kB`: names and numbers.
    private func lines(of file: String) -> [Substring: Double] {
        let text = (try? String(contentsOfFile: "/proc/\(id)/\(file)", encoding: .utf8)) ?? ""
        var found: [Substring: Double] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            found[parts[0]] = parts[1].split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
        }
        return found
    }
}
