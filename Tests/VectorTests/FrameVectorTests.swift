import SyncCore
import Testing

@testable import SyncWire

/// Preambles and frames, in whatever pieces they come.
@Suite struct FrameVectorTests {
    static let files = ["frames", "messages", "batches"]

    private func reader(_ vector: JSON) -> FrameReader {
        var reader = FrameReader(
            frameLimit: vector["beforeWelcome"].isTrue ? Limits.frameBeforeWelcome : Limits.framePayload)
        reader.acceptsInStream = !vector["beforeWelcome"].isTrue
        return reader
    }

    /// Feeds the bytes in pieces and returns what came of them.
    private func read(_ bytes: [UInt8], step: Int, _ reader: inout FrameReader) -> ([Message], WireError?) {
        var messages: [Message] = []
        do {
            for start in stride(from: 0, to: bytes.count, by: step) {
                reader.append(Array(bytes[start..<min(start + step, bytes.count)]))
                while let next = try reader.next() { messages.append(next.message) }
            }
        } catch {
            return (messages, error)
        }
        return (messages, nil)
    }

    @Test(arguments: files)
    func validFramesSayWhatTheyMean(file: String) async throws {
        for vector in try VectorFile.cases(file, "valid") {
            await Task.yield()
            let bytes = vector.bytes("bytes")
            #expect(!bytes.isEmpty)
            for step in [bytes.count, 1, 7] {
                var reader = reader(vector)
                let (messages, error) = read(bytes, step: step, &reader)
                #expect(error == nil, "\(file), \(vector["name"].string), step \(step)")
                #expect(
                    JSON.array(messages.map(Meaning.message)) == vector["messages"],
                    "\(file), \(vector["name"].string), step \(step)")
                #expect(reader.waiting == 0)
            }
        }
    }

    @Test(arguments: files)
    func theReferenceWriterGivesTheseBytes(file: String) async throws {
        for vector in try VectorFile.cases(file, "valid") {
            await Task.yield()
            let bytes = vector.bytes("bytes")
            let messages = try FrameCase.messages(bytes)
            let isSame = try FrameCase.written(messages) == bytes
            #expect(isSame == (vector["writer"].string == "reference"), "\(file), \(vector["name"].string)")
            // Whatever the writer chooses, in the stream or not, it means the same.
            guard !messages.contains(where: { if case .unknown = $0 { true } else { false } }) else {
                continue
            }
            var writer = FrameWriter()
            let compressed = try messages.flatMap { try writer.frame($0.bare, compress: true) }
            #expect(
                JSON.array(try FrameCase.messages(compressed).map(Meaning.message)) == vector["messages"],
                "\(file), \(vector["name"].string)")
        }
    }

    /// Each case begins a stream of its own, so all of them can follow one another on one connection.
    @Test(arguments: files)
    func allGluedTogether(file: String) throws {
        let vectors = try VectorFile.cases(file, "valid")
        let bytes = vectors.flatMap { $0.bytes("bytes") }
        for step in [bytes.count, 4_096] {
            var reader = FrameReader()
            let (messages, error) = read(bytes, step: step, &reader)
            #expect(error == nil)
            #expect(
                JSON.array(messages.map(Meaning.message)) == .array(vectors.flatMap { $0["messages"].items }))
        }
    }

    @Test(arguments: files)
    func invalidFramesGiveTheirCode(file: String) async throws {
        for vector in try VectorFile.cases(file, "invalid") {
            await Task.yield()
            let bytes = vector.bytes("bytes")
            for step in [bytes.count, 1, 5] {
                var reader = reader(vector)
                let (messages, error) = read(bytes, step: step, &reader)
                let words = "\(file), \(vector["name"].string), step \(step)"
                #expect(error?.refusal == vector.code, "\(words): \(error?.description ?? "taken")")
                #expect(Int64(messages.count) == vector["messagesBefore"].number, "\(words)")
                reader.append(FrameCases.pingFrame)
                #expect(throws: WireError.self, "\(words)") { try reader.next() }
            }
        }
    }

    /// A frame that is cut off is waited for, and gives nothing until it is whole.
    @Test(arguments: ["messages", "batches"])
    func cutOffFramesAreWaitedFor(file: String) throws {
        for vector in try VectorFile.cases(file, "valid") {
            let bytes = vector.bytes("bytes")
            for length in Set([0, 1, 15, 16, 17, bytes.count / 2, bytes.count - 1]) where length < bytes.count
            {
                var reader = FrameReader()
                let (messages, error) = read(Array(bytes[..<length]), step: max(1, length), &reader)
                #expect(messages.isEmpty && error == nil, "\(file), \(vector["name"].string), \(length)")
            }
        }
    }

    @Test(arguments: ["valid", "invalid"])
    func preambles(part: String) throws {
        for vector in try VectorFile.cases("preambles", part) {
            let bytes = vector.bytes("bytes")
            let spoken = vector["spoken"].items.map { UInt16(clamping: $0.number) }
            for step in [bytes.count, 1] {
                var reader = PreambleReader(min: spoken[0], max: spoken[1])
                var version: UInt16?
                var failure: WireError?
                do {
                    for start in stride(from: 0, to: bytes.count, by: step) {
                        version = try reader.append(Array(bytes[start..<min(start + step, bytes.count)]))?
                            .version
                    }
                } catch {
                    failure = error
                }
                let name = vector["name"].string
                if part == "valid" {
                    #expect(version.map { Int64($0) } == vector["version"].number, "\(name)")
                } else {
                    #expect(failure?.refusal == vector.code, "\(name)")
                }
            }
        }
        #expect(Preamble.bytes() == (try VectorFile.cases("preambles", "valid")[0].bytes("bytes")))
    }
}
