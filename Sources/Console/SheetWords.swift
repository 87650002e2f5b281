extension SheetError {
    private var place: String { file.isEmpty ? Words("the sheet", zh: "表格").text() : file }

    /// What a person reads when a whole file cannot be used.
    package var words: Words {
        switch code {
        case .badEncoding:
            Words(
                "\(place): the text is neither UTF-8 nor GBK. Save the sheet as CSV again.",
                zh: "\(place)：编码既不是 UTF-8 也不是 GBK。请重新另存为 CSV。")
        case .noHeader:
            Words("\(place): there is no header row.", zh: "\(place)：没有表头。")
        case .missingColumn:
            Words(
                "\(place): the column \(subject) is missing. Name it with --map, or check the file.",
                zh: "\(place)：缺少“\(subject)”列。请核对文件,或用 --map 指定列名。")
        case .columnTwice:
            Words(
                "\(place): the column \(subject) stands there twice.",
                zh: "\(place)：“\(subject)”列重复。")
        case .tooLarge:
            Words("\(place): the file is too large. Split it.", zh: "\(place)：文件过大,请拆分。")
        case .unreadable:
            Words("\(place): the file cannot be read.", zh: "\(place)：无法读取该文件。")
        case .unknownForm:
            Words("There is no form named \(subject).", zh: "没有名为“\(subject)”的表单。")
        case .badMap:
            Words(
                "\(place): line \(subject) has not two cells: the form's name, the sheet's heading.",
                zh: "\(place)：第 \(subject) 行应为两列:表单列名、表头列名。")
        }
    }
}
