import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// What a program that has nothing to do holds of its machine's memory.
enum IdleMemory {
    /// A piece of a file that is mapped for reading, as the system lists it.
    struct Piece: Hashable {
        var range: Range<UInt>
    }

    /// Lets go of the program's own code and tables that only work needs.
    /// What is needed again comes back from the file by itself, from the system's cache as a rule.
    static func giveBack() {
        #if os(Linux)
            guard let list = try? String(contentsOfFile: "/proc/self/smaps", encoding: .utf8) else { return }
            for piece in pieces(in: list) {
                guard let start = UnsafeMutableRawPointer(bitPattern: piece.range.lowerBound) else {
                    continue
                }
                madvise(start, piece.range.count, Int32(MADV_DONTNEED))
            }
        #endif
    }

    /// Those pieces of files that nobody can write to here and nobody has: they are in memory as they are in
    /// the file.
    ///
    /// - Parameter list: as in `/proc/PID/smaps`: a line with the range, rights and path of each piece, and
    ///   lines such as `Anonymous: 0 kB`.
    static func pieces(in list: String) -> [Piece] {
        var found: [Piece] = []
        var candidate: Piece?
        for line in list.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
            guard let first = words.first else { continue }
            if first.last != UInt8(ascii: ":") {
                candidate = piece(words)
            } else if first.elementsEqual("Anonymous:".utf8), let piece = candidate {
                if words.count > 1, words[1].elementsEqual("0".utf8) { found.append(piece) }
                candidate = nil
            }
        }
        return found
    }

    /// Nil for what is no file, or can be written to.
    private static func piece(_ words: [Substring.UTF8View.SubSequence]) -> Piece? {
        guard words.count == 6, Array(words[1].prefix(2)) == Array("r-".utf8),
            words[5].first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "/")
        else { return nil }
        let ends = words[0].split(separator: UInt8(ascii: "-")).map { UInt(String(Substring($0)), radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        return Piece(range: start..<end)
    }
}
