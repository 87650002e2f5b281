import Foundation

/// One measured figure, beside its floor and the limit that is asked for.
struct Figure: Codable {
    /// Median and range of several runs.
    struct Spread: Codable {
        var median: Double
        var least: Double
        var most: Double

        /// Of no values: zero.
        init(_ values: [Double]) {
            let sorted = values.sorted()
            median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
            least = sorted.first ?? 0
            most = sorted.last ?? 0
        }
    }

    /// What somebody else's program, or one that does less, gives in the same run.
    struct Floor: Codable {
        var name: String
        var value: Spread
        /// The figure as a part of the floor, run by run.
        var ratio: Spread
    }

    struct Limit: Codable {
        enum Side: String, Codable { case atLeast, atMost }
        enum Subject: String, Codable { case figure, ratio }

        var side: Side
        var value: Double
        var subject: Subject
    }

    /// Set by who reports it.
    var part = ""
    var name: String
    var unit: String
    var value: Spread
    var floor: Floor?
    var limit: Limit?
    /// Number of runs.
    var n: Int

    init(_ name: String, unit: String, _ values: [Double]) {
        self.name = name
        self.unit = unit
        value = Spread(values)
        n = values.count
    }

    /// Beside what was measured in turn with it: as many values in the same order.
    func beside(_ floorName: String, _ floor: [Double], _ values: [Double]) -> Figure {
        var figure = self
        let ratios = zip(values, floor).map { $1 == 0 ? 0 : $0 / $1 }
        figure.floor = Floor(name: floorName, value: Spread(floor), ratio: Spread(ratios))
        return figure
    }

    func atMost(_ limit: Double, of subject: Limit.Subject = .figure) -> Figure {
        var figure = self
        figure.limit = Limit(side: .atMost, value: limit, subject: subject)
        return figure
    }

    func atLeast(_ limit: Double, of subject: Limit.Subject = .figure) -> Figure {
        var figure = self
        figure.limit = Limit(side: .atLeast, value: limit, subject: subject)
        return figure
    }

    /// Nil where nothing is asked for.
    var isMet: Bool? {
        guard let limit else { return nil }
        let measured = limit.subject == .ratio ? floor?.ratio.median ?? 0 : value.median
        return limit.side == .atLeast ? measured >= limit.value : measured <= limit.value
    }
}

// MARK: - Words

extension Figure {
    /// Three digits that say something, with thousands apart.
    static func text(_ value: Double) -> String {
        if value == 0 { return "0" }
        if abs(value) < 10 { return String(format: "%.2f", value) }
        if abs(value) < 100 { return String(format: "%.1f", value) }
        let whole = String(Int(value.rounded()))
        var text = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0, digit != "-" { text.append(",") }
            text.append(digit)
        }
        return text
    }

    private static func text(_ spread: Spread) -> String {
        if spread.least == spread.most { return text(spread.median) }
        return "\(text(spread.median)) (\(text(spread.least)) to \(text(spread.most)))"
    }

    var valueText: String { "\(Figure.text(value)) \(unit)" }

    var floorText: String { floor.map { "\($0.name): \(Figure.text($0.value))" } ?? "" }

    var ratioText: String { floor.map { Figure.text($0.ratio) } ?? "" }

    var limitText: String {
        guard let limit, let isMet else { return "" }
        let side = limit.side == .atLeast ? "at least" : "at most"
        let of = limit.subject == .ratio ? " of the floor" : ""
        return "\(side) \(Figure.text(limit.value))\(of): \(isMet ? "met" : "missed")"
    }

    var line: String {
        var text = "\(part): \(name): \(valueText), n = \(n)"
        if floor != nil { text += "; \(floorText); ratio \(ratioText)" }
        if limit != nil { text += "; asked \(limitText)" }
        return text
    }
}
