package import Forms

/// What people are told about rows that could not be imported: what is wrong, and the next step. The column
/// stands before it.
package enum SheetMessages {
    /// With what the committee's settings and the form accept.
    package static func words(for error: RowError, form: CompiledForm, settings: Settings) -> Words {
        let field = form.definition.fields.first { $0.name == error.field }
        if error.reason.hasSuffix("_not_a_number"), field.map({ $0.type == .integer }) ?? true {
            let cell = Output.printable(error.cell)
            return Words(
                "“\(cell)” is not a whole number, or has too many digits. Write it such as 12.",
                zh: "“\(cell)”不是有效的整数。请写成 12 的样式。")
        }
        if error.reason == Reason.missingValue, let field {
            let (name, zh) = (Output.printable(field.name), Output.printable(field.labels.zh))
            let accepted = field.choices.map { $0.joined(separator: ", ") }
            return Words(
                "\(name) is missing, and must be there. Fill it in"
                    + (accepted.map { ", one of: \($0)." } ?? "."),
                zh: "缺少必填的“\(zh)”（\(name)），请补填" + (accepted.map { "，可填：\($0)。" } ?? "。"))
        }
        let words = words(for: error)
        var hint = Words("", zh: "")
        if error.reason == Reason.dateOutOfPeriod {
            let days = settings.entryWindowDays
            let bounds = [settings.firstDay.map { "≥ \($0)" }, settings.lastDay.map { "≤ \($0)" }].compactMap
            { $0 }
            let more = bounds.isEmpty ? "" : " (" + bounds.joined(separator: ", ") + ")"
            hint = Words(
                " A day is accepted until \(days) days after it\(more); the centre sets this with "
                    + "`aggregator init --set entryWindowDays=N`.",
                zh: "当日起 \(days) 天内可填报\(more)；此期限由中心用 aggregator init --set entryWindowDays=N 设置。")
        } else if let choices = field?.choices, field?.type == .choice {
            hint = Words(
                " Accepted: \(choices.joined(separator: ", ")).", zh: "可填：\(choices.joined(separator: "、"))。")
        } else if field?.type == .boolean {
            hint = Words(" For yes or no write Y or N.", zh: "请填“是”或“否”。")
        } else if let field, error.reason.hasSuffix("_out_of_range"), let least = field.minimum,
            let most = field.maximum
        {
            hint = Words(
                " Accepted: \(settings.value(of: least)) to \(settings.value(of: most)).",
                zh: "可填范围：\(settings.value(of: least)) 至 \(settings.value(of: most))。")
        }
        return words.joined(hint)
    }

    package static func words(for error: RowError) -> Words {
        let cell = "“" + Output.printable(error.cell) + "”"
        switch error.reason {
        case Reason.malformedRow:
            return Words(
                "The row has another number of cells than the header. Look for a comma too many or a "
                    + "cut-off line.",
                zh: "该行的列数与表头不一致。请检查是否多了逗号或该行被截断。")
        case Reason.unknownPerson:
            return Words("The person's id is blank. Fill it in.", zh: "学号/工号为空，请补填。")
        case Reason.unknownUnit:
            return Words("The unit's code is blank. Fill it in.", zh: "单位代码为空，请补填。")
        case Reason.missingKey, Reason.missingValue:
            return Words("A value is missing that must be there. Fill it in.", zh: "缺少必填的内容，请补填。")
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
            return beforeDay(error.cell.isEmpty ? nil : cell)
        case Reason.tooLarge:
            return Words("The text is too long. Shorten it.", zh: "内容过长，请缩短。")
        case Reason.badText:
            return Words(
                "The text cannot be read (its characters are broken). Type it again.",
                zh: "文字无法识别（乱码），请重新填写。")
        default:
            return ofField(error, cell: cell)
        }
    }

    /// - Parameter stated: what the sheet says; nil when the clock was asked.
    private static func beforeDay(_ stated: String?) -> Words {
        guard let stated else {
            return Words(
                "By this machine's clock the day has not begun. Enter it on the day itself; if it is today, "
                    + "check the clock.",
                zh: "按本机时钟，所报日期尚未开始。请在当日填报；若确为今日，请核对本机时钟。")
        }
        return Words(
            "The entry was made at \(stated), before its day began. Check both; it has to be made on the day "
                + "itself.",
            zh: "填报时间 \(stated) 早于所报日期。请核对日期和填报时间；应在当日填报。")
    }

    private static func ofField(_ error: RowError, cell: String) -> Words {
        if error.reason.hasSuffix("_not_a_number") {
            return Words(
                "\(cell) is not a number, or has too many digits. Write it such as 36.5.",
                zh: "\(cell) 不是有效数字。请写成 36.5 的样式。")
        }
        if error.reason.hasSuffix("_out_of_range") {
            return Words(
                "\(cell) lies outside the accepted range. Measure again or correct it.",
                zh: "\(cell) 超出可接受的范围。请重新测量或更正。")
        }
        return Words("\(cell) is none of the accepted values. Correct it.", zh: "\(cell) 不是可接受的内容，请更正。")
    }
}
