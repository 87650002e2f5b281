import Forms

extension SheetError {
    private var place: Words {
        let name = Output.printable(file)
        return file.isEmpty ? Words("the sheet", zh: "表格") : Words(name, zh: name)
    }

    /// What a person reads when a whole file cannot be used.
    package var words: Words {
        let subject = Output.printable(subject)
        switch code {
        case .unknownForm:
            let names = RecordText.forms.definitions.map(\.form)
            let hint = Typo.hint(subject, among: names)
            let list = names.joined(separator: ", ")
            return Words(
                "there is no form \(subject)\(hint.en); there are: \(list)",
                zh: "没有表单 \(subject)\(hint.zh)；可用表单：\(list)")
        default:
            let fault = fault(subject)
            return Words("\(place.en): \(fault.en)", zh: "\(place.zh)：\(fault.zh)")
        }
    }

    private func fault(_ subject: String) -> Words {
        switch code {
        case .badEncoding:
            Words(
                "the text is neither UTF-8 nor GBK. Save the sheet as CSV again.",
                zh: "编码既不是 UTF-8 也不是 GBK。请重新另存为 CSV。")
        case .noHeader:
            Words(
                "there is no header row. The first line must hold the columns' headings.",
                zh: "没有表头。第一行应为各列的标题。")
        case .missingColumn:
            Words(
                "the column \(subject) is missing. Correct the heading, or name its column with --map."
                    + found.en,
                zh: "缺少“\(subject)”列。请更正表头，或用 --map 指定列名。\(found.zh)")
        case .columnTwice:
            Words(
                "the column \(subject) stands there twice. Remove or rename one of them.",
                zh: "“\(subject)”列重复。请删除或改名其中一列。")
        case .tooLarge: Words("the file is too large. Split it.", zh: "文件过大，请拆分。")
        case .unreadable:
            Words(
                "cannot be read\(Files.reason(file).en); check the name and whether you may read it.",
                zh: "无法读取\(Files.reason(file).zh)；请检查文件名和读取权限。")
        case .badMap:
            Words(
                "line \(subject) has not two cells. Write the form's name, a comma, the sheet's heading.",
                zh: "第 \(subject) 行应为两列。请写：表单列名,表头列名。")
        case .unknownForm: Words("", zh: "")
        }
    }

    private var found: Words {
        guard !headings.isEmpty else { return Words("", zh: "") }
        let list = headings.prefix(30).map(Output.printable).joined(separator: ", ")
        return Words(" Its headings are: \(list).", zh: "现有表头：\(list)。")
    }
}
