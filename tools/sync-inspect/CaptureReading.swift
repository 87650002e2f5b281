import Console
import SyncCore
import SyncWire

/// Reads a transcript's lines in their order, and notices what does not fit.
struct CaptureReading {
    let masking: Masking
    let isDumped: Bool
    private var readers: [Place: FrameReader] = [:]
    private var broken: Set<Place> = []
    private var talks: [UInt64: CaptureTalk] = [:]

    private struct Place: Hashable {
        var connection: UInt64
        var from: String
    }

    init(masking: Masking, isDumped: Bool) {
        self.masking = masking
        self.isDumped = isDumped
    }

    mutating func frame(_ line: Transcript.Line) -> CaptureReport.Frame? {
        guard let connection = line.connection else {
            return line.event == "full"
                ? CaptureReport.Frame(
                    connection: 0, milliseconds: 0, name: "full",
                    meaning: Words("the transcript ends here: it has reached its size", zh: "会话转录到此为止：已达大小上限")
                        .text())
                : nil
        }
        var frame = CaptureReport.Frame(
            connection: connection, milliseconds: line.ms ?? 0, from: line.from, name: "", meaning: "")
        let place = Place(connection: connection, from: line.from ?? "")
        if let event = line.event {
            frame.name = event
            let why = line.words.map(Masking.clean) ?? ""
            frame.meaning =
                event == "opened"
                ? Words("the connection stands", zh: "连接建立").text()
                : Words(
                    "the connection is gone\(why.isEmpty ? "" : ": \(why)")",
                    zh: "连接结束\(why.isEmpty ? "" : "（技术信息：\(why)）")"
                ).text()
            if event == "closed", let problem = talks[connection]?.ended(words: why) {
                frame.problem = problem.text()
            }
        } else if let preamble = line.preamble {
            read(preamble: Hex.decode(preamble) ?? [], &frame)
        } else if let cut = line.cut {
            frame.name = "cut"
            frame.meaning =
                Words("the last \(cut) bytes are no whole frame", zh: "最后 \(cut) 字节不是完整的帧").text()
        } else if let header = line.header.flatMap({ Hex.decode($0) }), header.count == FrameHeader.size {
            read(header, line, place, &frame)
        } else {
            frame.name = "broken"
            frame.problem = Masking.clean(line.broken ?? "a line that says nothing")
        }
        return frame
    }

    private func read(preamble bytes: [UInt8], _ frame: inout CaptureReport.Frame) {
        frame.name = "preamble"
        frame.offset = 0
        frame.wireBytes = bytes.count
        frame.inflatedBytes = bytes.count
        var reader = PreambleReader()
        do throws(WireError) {
            guard try reader.append(bytes) != nil else {
                frame.problem = Words("the preamble is cut off", zh: "问候不完整").text()
                return
            }
            let versions = bytes[8..<12].map { Int($0) }
            frame.meaning =
                Words(
                    "speaks Rollcall, versions \(versions[0] << 8 | versions[1]) to "
                        + "\(versions[2] << 8 | versions[3])",
                    zh: "协议版本 \(versions[0] << 8 | versions[1]) 至 \(versions[2] << 8 | versions[3])"
                ).text()
        } catch {
            frame.problem = CaptureReading.words(error).text()
        }
    }

    private mutating func read(
        _ header: [UInt8], _ line: Transcript.Line, _ place: Place, _ frame: inout CaptureReport.Frame
    ) {
        let type = header[0]
        let length = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
        frame.offset = line.offset
        frame.name = MessageNames.name(type)
        frame.flags = MessageNames.flags(header[1])
        frame.wireBytes = FrameHeader.size + length
        frame.inflatedBytes = header[8..<12].reduce(0) { $0 << 8 | Int($1) }
        var payload: [UInt8]?
        do throws(WireError) {
            if let masked = line.payload.flatMap({ Hex.decode($0) }) {
                payload = masked
                let message = try MessageCodec.decode(type: type, payload: masked)
                say(message, length: FrameHeader.size + length, place, &frame)
            } else if let wire = line.wire.flatMap({ Hex.decode($0) }) {
                guard !broken.contains(place) else {
                    frame.meaning = Words("behind a frame that did not read", zh: "位于无法读取的帧之后").text()
                    return
                }
                payload = try read(wire: header + wire, place, &frame)
            } else if let why = line.broken {
                frame.problem = Masking.clean(why)
            } else {
                frame.meaning = Words("its payload was not written down", zh: "未记录其内容").text()
            }
        } catch {
            broken.insert(place)
            frame.problem = CaptureReading.words(error).text()
        }
        if isDumped { frame.bytes = dump(header, type, payload, line) }
    }

    /// - Returns: the payload, inflated.
    private mutating func read(
        wire: [UInt8], _ place: Place, _ frame: inout CaptureReport.Frame
    ) throws(WireError) -> [UInt8]? {
        var reader = readers[place] ?? FrameReader()
        readers[place] = nil
        let talk = talks[place.connection] ?? CaptureTalk()
        reader.acceptsInStream = talk.isWelcomed || talk.isGreeted && place.from == "agent"
        reader.dictionary = PresetDictionary.bytes(talk.dictionary)
        reader.append(wire)
        guard let read = try reader.next() else { return nil }
        readers[place] = reader
        say(read.message, length: wire.count, place, &frame)
        return MessageCodec.encode(read.message).payload
    }

    private mutating func say(
        _ message: Message, length: Int, _ place: Place, _ frame: inout CaptureReport.Frame
    ) {
        var talk = talks[place.connection] ?? CaptureTalk()
        let said = talk.hear(message, fromAgent: place.from == "agent", at: frame.milliseconds)
        talks[place.connection] = talk
        frame.meaning = said.meaning.text()
        frame.problem = said.problem?.text()
    }

    private func dump(
        _ header: [UInt8], _ type: UInt8, _ payload: [UInt8]?, _ line: Transcript.Line
    ) -> [Hexdump.Stretch] {
        var stretches = Hexdump.header(header)
        let isInStream = header[1] & FrameHeader.inStream != 0
        if isInStream, let wire = line.wire.flatMap({ Hex.decode($0) }) {
            stretches.append(
                Hexdump.Stretch(
                    offset: FrameHeader.size, bytes: wire.count,
                    name: "deflate; what it inflates to follows, counted from 0", value: "",
                    hex: masking.unmask ? Hex.encode(wire) : String(repeating: "**", count: wire.count)))
        }
        if let payload {
            stretches += Hexdump.payload(
                type: type, payload, at: isInStream ? 0 : FrameHeader.size, masking)
        }
        return stretches
    }

    static func words(_ error: WireError) -> Words {
        Words(
            "\(error.code) in \(error.part) at byte \(error.offset) (code \(error.refusal.rawValue))",
            zh: "第 \(error.offset) 字节处出错，位置 \(error.part)，\(error.code)，代码 \(error.refusal.rawValue)")
    }
}
