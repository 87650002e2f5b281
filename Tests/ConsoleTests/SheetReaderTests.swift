import Foundation
import Testing

@testable import Console

struct SheetReaderTests {
    func sheet(_ text: String) throws -> Sheet { try Sheet(Array(text.utf8)) }

    func texts(_ record: SheetRecord) -> [String] { record.cells.map { String(decoding: $0, as: UTF8.self) } }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func everyLineBreakIsOneLine(lineBreak: String) throws {
        let sheet = try sheet(["a,b", "1,2", "3,4", ""].joined(separator: lineBreak))
        #expect(sheet.records.map(texts) == [["1", "2"], ["3", "4"]])
        #expect(sheet.records.map(\.line) == [2, 3])
        #expect(sheet.records.map(\.number) == [1, 2])
    }

    @Test func quotedCellsKeepLineBreaksCommasAndQuotes() throws {
        let sheet = try sheet("a,b\n\"x,\r\ny\",\"say \"\"so\"\"\"\n3,4")
        #expect(texts(sheet.records[0]) == ["x,\r\ny", "say \"so\""])
        #expect(sheet.records.map(\.line) == [2, 4])
    }

    @Test func aRecordOfBlankCellsIsBlankAndCounted() throws {
        let sheet = try sheet("a,b\n1,2\n,\n , \n\u{3000},\n3,4\n")
        #expect(sheet.records.map(\.isBlank) == [false, true, true, true, false])
        #expect(sheet.records.map(\.number) == [1, 2, 3, 4, 5])
    }

    @Test func aFileCutOffInItsLastRowEndsThere() throws {
        #expect(texts(try sheet("a,b\n1,2\n3").records[1]) == ["3"])
        #expect(texts(try sheet("a,b\n1,\"2").records[0]) == ["1", "2"])
    }

    @Test func aHeaderAloneHasNoRecordsAndNothingAtAllIsRefused() throws {
        #expect(try sheet("a,b\n").records.isEmpty)
        #expect(throws: SheetError(.noHeader)) { try sheet("") }
    }

    @Test func encodingsAreRecognised() throws {
        let text = "姓名,发热\n王小明,是\n"
        let gbk = try #require(text.data(using: String.Encoding(rawValue: 0x8000_0632)))
        let marked: [UInt8] = [0xef, 0xbb, 0xbf] + Array(text.utf8)
        for bytes in [Array(text.utf8), marked, Array(gbk)] {
            let sheet = try Sheet(bytes)
            #expect(sheet.header.map { String(decoding: $0, as: UTF8.self) } == ["姓名", "发热"])
            #expect(texts(sheet.records[0]) == ["王小明", "是"])
        }
    }
}
