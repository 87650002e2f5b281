/// A calendar day, counted from 1970-01-01.
struct Day: Comparable {
    var number: Int

    init(number: Int) {
        self.number = number
    }

    /// Reads "YYYY-MM-DD"; nil for anything that is not a day of the calendar.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4,
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
            year > 1600, (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        // Years begin in March, so that the leap day is the last one.
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        number = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        guard iso == text else { return nil }
    }

    private var civil: (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// "YYYY-MM-DD".
    var iso: String {
        let date = civil
        return "\(date.year)-\(padded(date.month))-\(padded(date.day))"
    }

    /// "YYYY/M/D", as spreadsheets in Chinese write it.
    var slashed: String {
        let date = civil
        return "\(date.year)/\(date.month)/\(date.day)"
    }

    static func < (left: Day, right: Day) -> Bool { left.number < right.number }
}

/// Two digits.
func padded(_ value: Int) -> String {
    value < 10 ? "0\(value)" : "\(value)"
}
