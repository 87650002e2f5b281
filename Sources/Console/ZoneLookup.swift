public import Forms
import Foundation

extension LocalZone {
    /// The zone of an IANA name, such as `Asia/Shanghai`; nil when the system does not know it.
    ///
    /// Its changes from 1970 to 2099 are looked up once, so that a conversion is a search in a short list;
    /// outside of these years the nearest known offset holds.
    public init?(identifier: String) {
        guard let zone = TimeZone(identifier: identifier) else { return nil }
        var starts: [Int64] = [.min]
        var offsets = [zone.secondsFromGMT(for: Date(timeIntervalSince1970: 0))]
        var moment = Date(timeIntervalSince1970: 0)
        let end = Date(timeIntervalSince1970: 4_102_444_800)
        while let next = zone.nextDaylightSavingTimeTransition(after: moment), next > moment, next < end {
            starts.append(Int64(next.timeIntervalSince1970))
            offsets.append(zone.secondsFromGMT(for: next))
            moment = next
        }
        let table = (starts: starts, offsets: offsets)
        self.init { seconds in
            var low = 0
            var high = table.starts.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if table.starts[middle] <= seconds { low = middle } else { high = middle }
            }
            return table.offsets[low]
        }
    }
}
