import SyncCore

/// What one run of a program wrote under one origin, as people hand it back: `ORIGIN/FIRST-LAST`.
struct DecisionRun {
    var origin: OriginID
    var range: ClosedRange<UInt64>

    var text: String { "\(RecordText.origin(origin))/\(range.lowerBound)-\(range.upperBound)" }

    /// - Throws: ``Failure`` that shows how it is written.
    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let bounds = parts.last.map { $0.split(separator: "-").compactMap { UInt64($0) } } ?? []
        guard parts.count == 2, bounds.count == 2, let origin = UInt64(parts[0], radix: 16), bounds[0] > 0,
            bounds[0] <= bounds[1]
        else {
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(text)) is no run; write it as `conflicts resolve` said it, such as "
                        + "00ab00ab00ab00ab/5-9",
                    zh: "\(Output.printable(text)) 无法识别；请照 conflicts resolve 给出的样式写，例如 00ab00ab00ab00ab/5-9"))
        }
        self.origin = origin
        range = bounds[0]...bounds[1]
    }

    private init(_ origin: OriginID, _ range: ClosedRange<UInt64>) {
        self.origin = origin
        self.range = range
    }

    /// One for each origin, ascending.
    static func runs(_ dots: [Dot]) -> [DecisionRun] {
        Set(dots.map(\.origin)).sorted().compactMap { origin in
            let sequences = dots.filter { $0.origin == origin }.map(\.sequence)
            guard let first = sequences.min(), let last = sequences.max() else { return nil }
            return DecisionRun(origin, first...last)
        }
    }
}
