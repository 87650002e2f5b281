import SyncCore
import Testing

@testable import SyncWire

/// Versions as they are said, and lines as people mishear and mistype them.
@Suite struct SpokenTests {
    private static let alert = Version(
        dot: Dot(origin: 0x8182_8384_8586_8788, sequence: 41),
        key: RecordKey(
            form: "alert",
            values: [.integer(18_295), .text(Array("symptoms".utf8)), .text(Array("T001".utf8))]
        ),
        formRevision: 1, authored: 1_580_700_123_456, stated: 1_580_700_123_456,
        firstCreated: 1_580_700_123_456,
        assignments: [
            Assignment(
                field: 1, retentionClass: 0,
                value: .list([Array("temperature=38.90".utf8), Array("fever".utf8)])),
            Assignment(field: 2, retentionClass: 0, value: .text(Array("open".utf8))),
            Assignment(field: 3, retentionClass: 0, value: .notStated),
        ])

    /// One with everything that a version can have.
    private static var full: Version {
        var version = alert
        version.authoredDot = Dot(origin: 7, sequence: 1 << 40)
        version.stated -= 86_400_000
        version.firstCreated += 5
        version.isDelete = true
        version.clockTrusted = false
        version.author = Array("202001010042".utf8)
        version.context.includePrefix(Dot(origin: 9, sequence: 300))
        version.context.includeSingle(Dot(origin: 9, sequence: 302))
        version.assignments += [
            Assignment(field: 4, retentionClass: 254, value: .decimal(unscaled: -3_890, scale: 2)),
            Assignment(field: 9, retentionClass: 2, value: .integer(.min)),
            Assignment(field: 65_535, retentionClass: 2, value: .text(Array("支部 0007".utf8))),
        ]
        return version
    }

    @Test func aVersionIsSaidAndHeardUnderItsFirstName() throws {
        let alert = try #require(SpokenEntry.encode(SpokenTests.alert, maximum: 64))
        #expect(try SpokenEntry.decode(alert) == SpokenTests.alert)
        #expect(alert.count <= 48)
        let bytes = try #require(SpokenEntry.encode(SpokenTests.full, maximum: 140))
        var wanted = SpokenTests.full
        wanted.dot = wanted.firstName
        wanted.authoredDot = nil
        #expect(try SpokenEntry.decode(bytes) == wanted)
        #expect(SpokenEntry.encode(SpokenTests.full, maximum: bytes.count - 1) == nil)
        for length in bytes.indices {
            #expect(throws: WireError.self) { try SpokenEntry.decode(Array(bytes.prefix(length))) }
        }
    }

    /// The example of `Protocol/SPEC.md`.
    @Test func theSpecificationSaysTheSame() throws {
        let body: [UInt8] = [
            0x00, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x29, 0x80, 0x85, 0x8e, 0x91, 0x81, 0x5c,
            0x01, 0x01, 0x03, 0x01, 0xee, 0x9d, 0x02, 0x03, 0x0d, 0x03, 0x06, 0x54, 0x03, 0x01, 0x03, 0x01,
            0x04, 0x02, 0x27, 0x05, 0x33, 0x38, 0x2e, 0x39, 0x30, 0x29, 0x02, 0x03, 0x11, 0x03, 0x00,
        ]
        #expect(SpokenEntry.encode(SpokenTests.alert, maximum: 140) == body)
        let lines = [
            "011 548 112 804 780 544 561", "020 168 940 610 070 234 147", "033 786 666 576 081 857 417",
            "044 095 610 377 686 297 794", "056 716 367 642 381 594 242", "062 364 720 092 394 393 840",
            "071 098 324 163 573 995 294", "080 450 886 181 199 363 2",
        ]
        #expect(SpokenText.lines([0x37, 0, 1, 2, 3, 4, 5, 6] + body) == lines)
    }

    @Test func textsWithNumbersAreTheSameBytesAgain() throws {
        let texts = [
            "", "0", "000", "T001", "00000000000000000000001", "999999999999999999", "18446744073709551616",
            "alert", "alerts", "temperature=", "temperature=37.30", "支部", "支部0000123", "1a", "12 ",
        ]
        for text in texts {
            var version = SpokenTests.alert
            version.assignments = [
                Assignment(field: 1, retentionClass: 0, value: .text(Array(text.utf8)))
            ]
            let bytes = try #require(SpokenEntry.encode(version, maximum: 140))
            #expect(try SpokenEntry.decode(bytes) == version, "\(text)")
        }
    }

    // MARK: - Lines

    private func read(_ lines: [String]) throws -> [UInt8]? {
        var reader = SpokenText.Reader()
        for line in lines { _ = try reader.take(line) }
        return reader.bytes
    }

    private func bytes(_ count: Int) -> [UInt8] {
        [UInt8(count)] + (1..<count).map { UInt8(truncatingIfNeeded: $0 * 151 + 3) }
    }

    @Test func everyLengthComesBackInWhateverOrderAndHoweverTyped() throws {
        for count in [9, 10, 11, 12, 13, 14, 15, 48, 139, 140] {
            let bytes = bytes(count)
            let lines = SpokenText.lines(bytes)
            #expect(lines.count == (count + 6) / 7)
            #expect(try read(lines) == bytes)
            #expect(try read(lines.reversed()) == bytes)
            let typed = lines.map { line in
                "\u{3000}" + line.replacing(" ", with: "-").replacing("7", with: "７") + "\r"
            }
            #expect(try read(["", " "] + typed) == bytes)
            for left in lines.indices {
                var reader = SpokenText.Reader()
                for (place, line) in lines.enumerated() where place != left { _ = try reader.take(line) }
                #expect(reader.bytes == nil)
                #expect(reader.missing == [left + 1])
            }
        }
    }

    @Test func everyDigitThatIsAnotherAndEveryTwoThatChangedPlacesAreNoticed() throws {
        for lines in [SpokenText.lines(bytes(48)), SpokenText.lines([9] + Array(repeating: 0, count: 8))] {
            for line in lines {
                let digits = Array(line.filter { $0 != " " })
                var reader = SpokenText.Reader()
                for place in digits.indices {
                    for other in "0123456789" where other != digits[place] {
                        var changed = digits
                        changed[place] = other
                        #expect(throws: SpokenText.Fault.check) { try reader.take(String(changed)) }
                    }
                    var fewer = digits
                    fewer.remove(at: place)
                    #expect(throws: SpokenText.Fault.self) { try reader.take(String(fewer)) }
                    guard place > 0, digits[place - 1] != digits[place] else { continue }
                    var swapped = digits
                    swapped.swapAt(place - 1, place)
                    #expect(throws: SpokenText.Fault.check) { try reader.take(String(swapped)) }
                }
                #expect(throws: SpokenText.Fault.notDigits) { try reader.take("x" + line) }
                #expect(throws: SpokenText.Fault.self) { try reader.take(line + " 0") }
            }
        }
    }

    @Test func aLineOfAnotherTextDoesNotFit() throws {
        var reader = SpokenText.Reader()
        for line in SpokenText.lines(bytes(20)) { _ = try reader.take(line) }
        // It is the last one there, and in the middle here.
        _ = try reader.take(SpokenText.lines(bytes(12))[1])
        #expect(reader.missing == [2])
        #expect(reader.bytes == nil)
        _ = try reader.take(SpokenText.lines(bytes(20))[1])
        #expect(reader.bytes == bytes(20))
    }

    @Test func anAnswerIsReadBack() throws {
        for bits: UInt64 in [0, 9_999_999_999, 10_000_000_000, .max, 123_456] {
            let answer = SpokenAnswer(bits)
            #expect(SpokenAnswer(text: answer.text) == answer)
            let digits = Array(answer.text.filter { $0 != " " })
            #expect(digits.count == 12)
            for place in digits.indices {
                for other in "0123456789" where other != digits[place] {
                    var changed = digits
                    changed[place] = other
                    #expect(SpokenAnswer(text: String(changed)) == nil)
                }
            }
            #expect(SpokenAnswer(text: answer.text.dropLast()) == nil)
        }
    }
}
