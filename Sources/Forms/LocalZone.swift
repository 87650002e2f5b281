public import SyncCore

/// The committee's local time, passed in: this module knows no zone database.
public struct LocalZone: Sendable {
    /// The accepted times, years 1 to 9999, in milliseconds. Outside of it nothing is converted.
    public static let acceptedTimes: ClosedRange<Milliseconds> = -62_135_596_800_000...253_402_300_799_999

    /// Local time minus UTC in seconds, at a moment given in seconds since 1970-01-01T00:00:00Z.
    public let secondsFromUTC: @Sendable (Int64) -> Int

    public init(secondsFromUTC: @escaping @Sendable (Int64) -> Int) {
        self.secondsFromUTC = secondsFromUTC
    }

    /// A zone that never changes, such as `+8` for Asia/Shanghai since 1992.
    public static func fixed(hours: Int) -> LocalZone {
        LocalZone { _ in hours * 3600 }
    }

    /// The reading of a local clock at `time`, as milliseconds since 1970-01-01T00:00 local.
    public func local(_ time: Milliseconds) -> Milliseconds {
        let bounded = LocalZone.clamp(time)
        return bounded + Milliseconds(secondsFromUTC(LocalZone.floorDivide(bounded, 1000))) * 1000
    }

    /// The moment at which a local clock reads `local`; the earlier one when it does so twice.
    public func time(fromLocal local: Milliseconds) -> Milliseconds {
        let bounded = LocalZone.clamp(local)
        let seconds = LocalZone.floorDivide(bounded, 1000)
        let before = Int64(secondsFromUTC(seconds - 86_400))
        let after = Int64(secondsFromUTC(seconds + 86_400))
        for offset in [max(before, after), min(before, after)]
        where Int64(secondsFromUTC(seconds - offset)) == offset {
            return bounded - offset * 1000
        }
        return bounded - before * 1000
    }

    /// The local day of a moment.
    public func day(of time: Milliseconds) -> Int32 {
        Int32(LocalZone.floorDivide(local(time), 86_400_000))
    }

    /// Local 00:00 of a day.
    public func midnight(of day: Int32) -> Milliseconds {
        time(fromLocal: Milliseconds(day) * 86_400_000)
    }

    /// Whether `time` lies after a local time of `day` (the cut-off itself is in time).
    public func isAfter(_ time: Milliseconds, cutoff: CutOff, of day: Int32) -> Bool {
        // Both sides are bounded: see `clamp` and `Int32`.
        local(time) > Milliseconds(day) * 86_400_000 + cutoff.milliseconds
    }

    /// The same for an hour that is the day's.
    public func isAfter(_ time: Milliseconds, hour: DatedHour, of day: Int32) -> Bool {
        isAfter(time, cutoff: hour.on(day), of: day)
    }

    /// "YYYY-MM-DD HH:MM:SS" in local time.
    public func text(_ time: Milliseconds) -> String {
        let local = local(time)
        let day = LocalZone.floorDivide(local, 86_400_000)
        let second = Int((local - day * 86_400_000) / 1000)
        let parts = [second / 3600, second / 60 % 60, second % 60].map { CivilDay.padded($0, 2) }
        return CivilDay.text(Int32(day)) + " " + parts.joined(separator: ":")
    }

    static func clamp(_ time: Milliseconds) -> Milliseconds {
        min(max(time, acceptedTimes.lowerBound), acceptedTimes.upperBound)
    }

    static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}

/// A local time of day after which something is late; it may be another from a day on.
public struct DatedHour: Sendable, Hashable {
    private struct Change: Sendable, Hashable {
        var from: Int32
        var hour: CutOff
    }

    private var first: CutOff
    /// Ascending.
    private var later: [Change] = []

    public init(_ first: CutOff) { self.first = first }

    /// - Parameter from: the first day of it.
    public mutating func change(to hour: CutOff, from: Int32) {
        later.removeAll { $0.from == from }
        let index = later.firstIndex { $0.from > from } ?? later.count
        later.insert(Change(from: from, hour: hour), at: index)
    }

    public func on(_ day: Int32) -> CutOff { later.last { $0.from <= day }?.hour ?? first }
}

/// A local time of day after which something is late.
public struct CutOff: Sendable, Hashable {
    /// Since local midnight.
    public var milliseconds: Milliseconds

    /// Reads "HH:mm" or "HH:mm:ss"; nil for anything else.
    public init?(_ text: String) {
        guard let time = CellText.timeOfDay(Array(text.utf8)[...]) else { return nil }
        milliseconds = time
    }
}
