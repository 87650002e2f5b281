public import Forms

extension Settings {
    /// Takes a setting as it is typed, NAME=VALUE.
    ///
    /// - Throws: ``Failure`` with `.usage` when there is no such setting or the value does not fit.
    public mutating func apply(_ assignment: String) throws {
        let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Failure(
                .usage,
                Words(
                    "write --set NAME=VALUE, such as checkInCutoff=16:00, not \(assignment)",
                    zh: "请写 --set 名称=值，例如 checkInCutoff=16:00，而不是 \(assignment)"))
        }
        let value = String(parts[1])
        switch parts[0] {
        case "checkInCutoff" where CutOff(value) != nil: checkInCutoff = value
        case "reportCutoff" where CutOff(value) != nil: reportCutoff = value
        case "temperatureMinimum" where isTemperature(value): temperatureMinimum = value
        case "temperatureMaximum" where isTemperature(value): temperatureMaximum = value
        case "temperatureAlert" where isTemperature(value): temperatureAlert = value
        case "entryWindowDays" where (1...36_500).contains(Int(value) ?? 0):
            entryWindowDays = Int(value) ?? entryWindowDays
        case "firstDay" where value.isEmpty || CivilDay.parse(value) != nil:
            firstDay = value.isEmpty ? nil : value
        case "lastDay" where value.isEmpty || CivilDay.parse(value) != nil:
            lastDay = value.isEmpty ? nil : value
        case "answerMinutes" where isSpan(value): answerMinutes = Int(value)
        case "attendMinutes" where isSpan(value): attendMinutes = Int(value)
        case "arrivalMinutes" where isSpan(value): arrivalMinutes = Int(value)
        case "hospital" where value.utf8.count <= 512:
            guard Settings.isOneLine(value) else {
                throw Failure(
                    .usage,
                    Words(
                        "hospital: the name holds a line break or another control character; write it in "
                            + "one line",
                        zh: "hospital：名称中含换行或其他控制字符；请写成一行"))
            }
            hospital = value
        case "dutyAheadHours" where isSpan(value): dutyAheadHours = Int(value)
        default:
            throw Failure(
                .usage,
                Words(
                    "\(assignment): no such setting, or a value that does not fit. There are "
                        + "checkInCutoff and "
                        + "reportCutoff (HH:mm), temperatureMinimum, temperatureMaximum and "
                        + "temperatureAlert (25.0 to 45.0), "
                        + "entryWindowDays, answerMinutes, attendMinutes, arrivalMinutes, "
                        + "dutyAheadHours, hospital, firstDay and lastDay (YYYY-MM-DD; nothing behind = "
                        + "for no bound)",
                    zh: "\(assignment)：没有此设置，或值不合适。可设：checkInCutoff、reportCutoff（HH:mm）、"
                        + "temperatureMinimum、temperatureMaximum、temperatureAlert（25.0 至 45.0）、"
                        + "entryWindowDays、answerMinutes、attendMinutes、arrivalMinutes、"
                        + "dutyAheadHours、hospital、firstDay、lastDay（YYYY-MM-DD；= 后留空表示不限）"
                ))
        }
    }

    /// What a form's bound stands for: a number, or the name of a setting.
    public func value(of bound: String) -> String {
        switch bound {
        case "temperatureMinimum": temperatureMinimum
        case "temperatureMaximum": temperatureMaximum
        case "temperatureAlert": temperatureAlert
        default: bound
        }
    }

    private static func isOneLine(_ text: String) -> Bool {
        !text.unicodeScalars.contains {
            $0.value < 0x20 || (0x7f...0x9f).contains($0.value) || (0x2028...0x2029).contains($0.value)
        }
    }

    private func isSpan(_ text: String) -> Bool { (0...100_000).contains(Int(text) ?? -1) }

    private func isTemperature(_ text: String) -> Bool {
        CellText.decimal(Array(text.utf8)[...], scale: 2).map { Settings.temperatures.contains($0) } ?? false
    }

    /// What a thermometer shows of somebody who is alive, in hundredths of a degree.
    package static let temperatures: ClosedRange<Int64> = 2_500...4_500

    /// - Throws: ``Failure`` with `.usage` when bounds lie the wrong way round, so that nothing could be
    ///   entered.
    package func requireOrder() throws {
        func number(_ text: String) -> Int64 { CellText.decimal(Array(text.utf8)[...], scale: 2) ?? 0 }
        let minimum = number(temperatureMinimum)
        guard minimum < number(temperatureMaximum) else {
            throw Failure(
                .usage,
                Words(
                    "temperatureMinimum=\(temperatureMinimum) is not below "
                        + "temperatureMaximum=\(temperatureMaximum): nothing could be entered",
                    zh: "temperatureMinimum=\(temperatureMinimum) 不低于 "
                        + "temperatureMaximum=\(temperatureMaximum)：将无法填报"))
        }
        guard let firstDay, let lastDay, firstDay > lastDay else { return }
        throw Failure(
            .usage,
            Words(
                "firstDay=\(firstDay) lies after lastDay=\(lastDay): nothing could be entered",
                zh: "firstDay=\(firstDay) 晚于 lastDay=\(lastDay)：将无法填报"))
    }
}
