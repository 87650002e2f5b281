/// What a reason code of the centre's verdicts means, and what to do.
public enum ReasonWords {
    public static func words(for reason: String) -> Words {
        known(reason) ?? ofField(reason)
            ?? Words(
                "\(Output.printable(reason)); ask the centre, and tell them this word",
                zh: "原因代码 \(Output.printable(reason))；请询问中心并告知此代码")
    }

    private static func ofField(_ reason: String) -> Words? {
        if reason.hasSuffix("_not_a_number") {
            let name = Output.printable(String(reason.dropLast(13)))
            return Words(
                "\(name) cannot be read as a number; enter it again, such as 36.5",
                zh: "\(name) 不是有效数字；请重新填写，例如 36.5")
        }
        if reason.hasSuffix("_out_of_range") {
            let name = Output.printable(String(reason.dropLast(13)))
            return Words(
                "\(name) lies outside the accepted range; measure again and enter it anew",
                zh: "\(name) 超出可接受的范围；请重新测量并更正")
        }
        guard reason.hasPrefix("bad_"), reason.hasSuffix("_value") else { return nil }
        return Words(
            "a value is none of those accepted; look at the entry and enter it anew",
            zh: "填写的内容不在可选范围内；请核对后重新填写")
    }

    private static func known(_ reason: String) -> Words? {
        aboutSubject(reason) ?? aboutTime(reason) ?? aboutContent(reason)
    }

    private static func aboutSubject(_ reason: String) -> Words? {
        switch reason {
        case "unknown_person":
            Words("nobody with this id is on the register; check the id", zh: "登记册中无此编号；请核对编号")
        case "not_on_register":
            Words("this person was in no unit on that day; ask the centre", zh: "此人当日不在任何单位；请询问中心")
        case "unknown_unit":
            Words("no unit has this code; check the code", zh: "没有此单位代码；请核对代码")
        case "outside_unit":
            Words(
                "it concerns another unit and counts there; nothing to do when that was meant",
                zh: "属于其他单位，计入该单位；若填写无误则无须处理")
        case "too_many_siblings":
            Words(
                "too many changes of this record were made without sight of each other; ring the centre",
                zh: "此记录有过多互不知情的修改；请联系中心处理")
        case "too_many_names":
            Words(
                "entries of this record were written again too often after copies; ring the centre",
                zh: "此记录因数据被复制而重写次数过多；请联系中心处理")
        case "held_already":
            Words(
                "the centre had this entry already, by telephone or from a copy of this store; it counts "
                    + "once",
                zh: "中心已通过电话或本数据的副本收到此条；只计一次")
        case "taken_by_phone":
            Words(
                "the centre has taken it by telephone; it is sent all the same, for the receipt",
                zh: "中心已通过电话收取；仍会照常发送，以取得回执")
        case "form_not_writable":
            Words(
                "only the centre writes this form, so it does not count; ask them to change it",
                zh: "此表只能由中心填写，不计入；请联系中心修改")
        default: nil
        }
    }

    private static func aboutTime(_ reason: String) -> Words? {
        switch reason {
        case "bad_date":
            Words("the day is no date; enter it again as 2020-02-03", zh: "日期无效；请按 2020-02-03 的样式重填")
        case "bad_time":
            Words(
                "a time lies outside the calendar; check this machine's clock and enter it again",
                zh: "时间无效；请核对本机时钟后重新填写")
        case "date_out_of_period":
            Words(
                "the day lies outside the accepted period; check year and month, or ask the centre",
                zh: "日期不在可接受的时间范围内；请核对年份和月份，或询问中心")
        case "recorded_before_day", "submitted_before_day":
            Words(
                "it was entered before its day began; enter it again on the day",
                zh: "录入时间早于所报日期；请在当日重新填报")
        case "stated_after_authored":
            Words(
                "its time lies after it was entered; check the time and this machine's clock",
                zh: "所填时间晚于录入时间；请核对所填时间和本机时钟")
        case "retention_over":
            Words(
                "it is about a day so long ago that it may be kept no longer; it arrived and was left out",
                zh: "所属日期已超过保存期限；内容已到达，但不再保存")
        case "clock_untrusted":
            Words(
                "entered while this machine's clock was off; check the day, and set the clock",
                zh: "录入时本机时钟有误；请核对日期并校准时钟")
        default: nil
        }
    }

    private static func aboutContent(_ reason: String) -> Words? {
        switch reason {
        case "malformed_row": Words("the row cannot be read; enter it again", zh: "该行无法识别；请重新填写")
        case "listed_twice":
            Words(
                "two rows are about the same and say different things; keep one of them",
                zh: "有两行内容所指相同而填写不同；请只保留一行")
        case "missing_key", "missing_value":
            Words("something is missing that must be there; fill it in", zh: "缺少必填的内容；请补填")
        case "partial_group":
            Words(
                "fields that belong together came apart; enter all of them anew (they are entered together "
                    + "with this program)",
                zh: "应一并填写的字段只填了一部分；请全部重新填写（本程序会一并填写）")
        case "bad_text":
            Words("a text cannot be read (its characters are broken); type it again", zh: "文字无法识别（乱码）；请重新填写")
        case "bad_value", "not_a_choice":
            Words("a value is none of those accepted; enter it anew", zh: "填写的内容不在可选范围内；请重新填写")
        case "out_of_range":
            Words("a number or date lies outside what is accepted; correct it", zh: "数字或日期超出范围；请更正")
        case "trap":
            Words(
                "the hub's program fails over it; it is kept there and does not count yet. Tell the centre",
                zh: "汇总端程序处理此条时出错；已保存，暂不计入。请告知中心")
        case "revoked_device":
            Words(
                "a device that the centre had revoked handed it over; it is kept there and does not count",
                zh: "由中心已撤销的设备交出；已保存，不计入")
        case "delivered_before":
            Words(
                "the centre had it, was restored from a backup, and got it again from this device after it "
                    + "was revoked: it counts again once the centre has run `aggregator release`, of which "
                    + "this device hears nothing; ask the centre",
                zh: "中心曾收到此条，后从备份恢复，并在撤销本设备之后再次收到：须由中心执行 aggregator release 后才重新计入，"
                    + "本设备不会得知；请询问中心")
        case "too_large": Words("it is too long; shorten it", zh: "内容过长；请缩短")
        case "unknown_form", "unknown_field", "wrong_kind", "wrong_retention_class":
            Words(
                "this program and the centre know the form differently; update the older of the two "
                    + "(\(reason)); the entry is kept meanwhile",
                zh: "本程序与中心的表单版本不一致；请升级较旧的一方（\(reason)）；内容已保留")
        default: nil
        }
    }
}
