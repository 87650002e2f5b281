import Console
import Forms

/// What people are told about rows and files that could not be imported: what is wrong, and the next step.
enum SheetMessages {
    /// The same, with what the committee's settings and the form accept.
    static func words(for error: RowError, form: CompiledForm, settings: Settings) -> Words {
        let words = words(for: error)
        let field = form.definition.fields.first { $0.name == error.column }
        var hint = Words("", zh: "")
        if error.reason == Reason.dateOutOfPeriod {
            let days = settings.entryWindowDays
            let bounds = [settings.firstDay.map { "≥ \($0)" }, settings.lastDay.map { "≤ \($0)" }].compactMap
            { $0 }
            let more = bounds.isEmpty ? "" : " (" + bounds.joined(separator: ", ") + ")"
            hint = Words(
                " A day is accepted until \(days) days after it\(more); the centre can set this with "
                    + "`aggregator init --set entryWindowDays=N`.",
                zh: "当日起 \(days) 天内可填报\(more)；中心可用 aggregator init --set entryWindowDays=N 设置。")
        } else if let choices = field?.choices, field?.type == .choice {
            hint = Words(
                " Accepted: \(choices.joined(separator: ", ")).", zh: "可填：\(choices.joined(separator: "、"))。")
        } else if let field, error.reason.hasSuffix("_out_of_range"), let least = field.minimum,
            let most = field.maximum
        {
            hint = Words(
                " Accepted: \(settings.value(of: least)) to \(settings.value(of: most)).",
                zh: "可填范围：\(settings.value(of: least)) 至 \(settings.value(of: most))。")
        }
        return words.joined(hint)
    }

    static func words(for error: RowError) -> Words {
        let cell = "“" + error.cell + "”"
        switch error.reason {
        case Reason.malformedRow:
            return Words(
                "The row has another number of cells than the header. Look for a comma too many or a "
                    + "cut-off line.",
                zh: "该行的列数与表头不一致。请检查是否多了逗号或该行被截断。")
        case Reason.unknownPerson:
            return Words("The person's id is blank. Fill it in.", zh: "学号/工号为空,请补填。")
        case Reason.unknownUnit:
            return Words("The unit's code is blank. Fill it in.", zh: "单位代码为空,请补填。")
        case Reason.missingKey, Reason.missingValue:
            return Words("A value is missing that must be there. Fill it in.", zh: "缺少必填的内容,请补填。")
        case Reason.badDate:
            return Words(
                "\(cell) is not a date. Write it as 2020-02-03.", zh: "\(cell) 不是有效日期。请写成 2020-02-03 的样式。")
        case Reason.dateOutOfPeriod:
            return Words(
                "The day \(cell) lies outside the accepted period. Check year and month.",
                zh: "日期 \(cell) 不在可接受的时间范围内。请核对年份和月份。")
        case Reason.badTime:
            return Words(
                "\(cell) is not a time. Write it as 2020-02-03 08:31:00.",
                zh: "\(cell) 不是有效时间。请写成 2020-02-03 08:31:00 的样式。")
        case Reason.recordedBeforeDay, Reason.submittedBeforeDay:
            let at = error.cell.isEmpty ? Words("now", zh: "此刻") : Words(cell, zh: cell)
            return Words(
                "The entry was made at \(at.en), before its day began. It has to be made on the day itself.",
                zh: "填报时间 \(at.zh) 早于所报日期。请在当日填报。")
        case Reason.tooLarge:
            return Words("The text is too long. Shorten it.", zh: "内容过长,请缩短。")
        default:
            return fieldWords(for: error, cell: cell)
        }
    }

    private static func fieldWords(for error: RowError, cell: String) -> Words {
        if error.reason.hasSuffix("_not_a_number") {
            return Words(
                "\(error.column): \(cell) is not a number with at most the accepted digits, such as 36.5.",
                zh: "\(error.column):\(cell) 不是有效数字。请写成 36.5 的样式。")
        }
        if error.reason.hasSuffix("_out_of_range") {
            return Words(
                "\(error.column): \(cell) lies outside the accepted range. Measure again or correct it.",
                zh: "\(error.column):\(cell) 超出可接受的范围。请重新测量或更正。")
        }
        return Words(
            "\(error.column): \(cell) is none of the accepted values. For yes or no write Y or N.",
            zh: "\(error.column):\(cell) 不是可接受的内容。是否类请填“是”或“否”。")
    }
}
