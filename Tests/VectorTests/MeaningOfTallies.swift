import SyncCore

extension Meaning {
    static func ask(_ question: TallyQuestion) -> JSON {
        [
            "type": "Ask", "position": number(question.position), "own": .array(question.own.map(dot)),
            "paths": .array(question.paths.map(path)),
        ]
    }

    static func tally(_ answer: TallyAnswer) -> JSON {
        [
            "type": "Tally", "position": number(answer.position), "today": .number(Int64(answer.today)),
            "parts": .array(answer.parts.map(part)),
        ]
    }

    private static func part(_ part: TallyAnswer.Part) -> JSON {
        let content: (key: String, value: JSON) =
            switch part.content {
            case .groups(let groups): ("groups", .array(groups.map(group)))
            case .records(let records): ("records", .array(records.map(record)))
            }
        return .object([
            (key: "path", value: path(part.path)), (key: "cut", value: .bool(part.isCut)), content,
        ])
    }

    private static func group(_ group: TallyGroup) -> JSON {
        [
            "path": path(group.path), "count": number(group.tally.count),
            "sum": .hex(Bytes.word(group.tally.sum)), "moving": number(group.tally.moving),
        ]
    }

    private static func record(_ record: TallyRecord) -> JSON {
        [
            "key": .hex(record.key), "print": .hex(Bytes.word(record.print)),
            "moving": .bool(record.flags.contains(.moving)),
            "altered": .bool(record.flags.contains(.altered)),
        ]
    }

    /// From all downwards: a period of 32 days, or the day and what lies in it.
    private static func path(_ path: TallyPath) -> JSON {
        func members(_ form: [UInt8], _ day: Int32?) -> [(key: String, value: JSON)] {
            [(key: "form", value: text(form)), (key: "day", value: day.map { .number(Int64($0)) } ?? .null)]
        }
        return switch path {
        case .all: "all"
        case .period(let form, let period): ["form": text(form), "period": .number(Int64(period))]
        case .day(let form, let day): .object(members(form, day))
        case .unit(let form, let day, let unit):
            .object(members(form, day) + [(key: "unit", value: text(unit))])
        case .bucket(let form, let day, let unit, let depth, let prefix):
            .object(
                members(form, day) + [
                    (key: "unit", value: text(unit)), (key: "depth", value: .number(Int64(depth))),
                    (key: "prefix", value: .hex(Bytes.word(prefix))),
                ])
        }
    }
}
