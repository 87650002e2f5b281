public import NIOCore
public import SyncCore
import SyncWire
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes down the frames of connections, a line of JSON each; `Protocol/TRANSCRIPT.md`. Never the secret of
/// a join code; other secrets and personal values only when asked for.
public final class TranscriptFile: StreamTap {
    /// Whether the values of a field are to be masked, by form and field; nil leaves everything as it
    /// travelled.
    public typealias Masking = @Sendable (String, FieldID) -> Bool

    /// Bytes after which nothing more is written.
    public static let limit: UInt64 = 256 << 20

    private struct Direction {
        /// Nil once the preamble is through.
        var preamble: [UInt8]? = []
        var splitter = FrameSplitter(offset: UInt64(Preamble.size))
        var reader = FrameReader()
        var isBroken = false
    }

    private struct State {
        var connections: [UInt64: [Bool: Direction]] = [:]
        /// With which dictionary streams begin, once Hello has named it.
        var dictionaries: [UInt64: UInt32] = [:]
        var last: UInt64 = 0
        var written: UInt64 = 0
        var isOver = false
    }

    private let state = Mutex(State())
    private let descriptor: Int32
    private let masking: Masking?
    private let began = NIODeadline.now()

    /// - Parameters:
    ///   - path: a new file, which only its owner may read.
    ///   - side: `agent` or `hub`.
    ///   - now: milliseconds since 1970.
    /// - Throws: ``KeyError`` that names the file; `alreadyExists` when there is one.
    public init(
        creating path: String, side: String, program: String, now: Milliseconds, masking: Masking?
    ) throws(KeyError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw KeyError(errno == EEXIST ? .alreadyExists : .system(errno), path)
        }
        self.masking = masking
        let isMasked = masking != nil
        state.withLock {
            line(
                &$0,
                "{\"transcript\":1,\"side\":\"\(side)\",\"program\":\"\(program)\",\"began\":\(now),"
                    + "\"masked\":\(isMasked)}")
        }
    }

    deinit { close(descriptor) }

    public func opened() -> UInt64 {
        state.withLock { state in
            state.last += 1
            state.connections[state.last] = [true: Direction(), false: Direction()]
            line(&state, head(state.last) + ",\"event\":\"opened\"}")
            return state.last
        }
    }

    public func closed(_ connection: UInt64, words: String?) {
        state.withLock { state in
            for fromAgent in [true, false] {
                guard let direction = state.connections[connection]?[fromAgent], !direction.isBroken else {
                    continue
                }
                let left = direction.splitter.rest.count + (direction.preamble?.count ?? 0)
                guard left > 0 else { continue }
                line(&state, head(connection, fromAgent) + ",\"cut\":\(left)}")
            }
            state.connections[connection] = nil
            state.dictionaries[connection] = nil
            let why = words.map { ",\"words\":\"\(TranscriptFile.plain($0))\"" } ?? ""
            line(&state, head(connection) + ",\"event\":\"closed\"\(why)}")
        }
    }

    public func passed(_ bytes: ByteBufferView, fromAgent: Bool, on connection: UInt64) {
        state.withLock { state in
            guard var direction = state.connections[connection]?[fromAgent] else { return }
            // Not twice in memory while it grows.
            state.connections[connection]?[fromAgent] = nil
            var bytes = bytes[...]
            if var preamble = direction.preamble {
                let part = bytes.prefix(Preamble.size - preamble.count)
                preamble += part
                bytes = bytes.dropFirst(part.count)
                direction.preamble = preamble
                if preamble.count == Preamble.size {
                    direction.preamble = nil
                    line(
                        &state,
                        head(connection, fromAgent)
                            + ",\"preamble\":\"\(Hex.encode(preamble))\"}")
                }
            }
            direction.splitter.append(bytes)
            while let piece = direction.splitter.next() {
                direction.reader.dictionary = PresetDictionary.bytes(state.dictionaries[connection] ?? 0)
                let message = write(piece, &direction, head(connection, fromAgent), &state)
                if case .hello(let hello)? = message {
                    state.dictionaries[connection] = hello.agreedDictionary
                }
            }
            if direction.splitter.isLost, !direction.isBroken {
                direction.isBroken = true
                line(
                    &state,
                    head(connection, fromAgent) + ",\"broken\":\"a length that no frame may have\"}")
            }
            state.connections[connection]?[fromAgent] = direction
        }
    }

    /// - Returns: what was written, where it had to be read for that.
    private func write(
        _ piece: FrameSplitter.Piece, _ direction: inout Direction, _ head: String, _ state: inout State
    ) -> Message? {
        let start =
            head + ",\"offset\":\(piece.offset),\"header\":\"\(Hex.encode(piece.header))\""
        let type = piece.header[0]
        if masking == nil, !MessageMask.holdsKey(type) {
            line(&state, start + ",\"wire\":\"\(Hex.encode(piece.payload))\"}")
            return nil
        }
        guard !direction.isBroken else {
            line(&state, start + "}")
            return nil
        }
        do throws(WireError) {
            direction.reader.append(piece.header + piece.payload)
            guard let frame = try direction.reader.next() else {
                line(&state, start + "}")
                return nil
            }
            let message = MessageMask.masked(frame.message, masking ?? { _, _ in false })
            let payload = MessageCodec.encode(message).payload
            line(&state, start + ",\"payload\":\"\(Hex.encode(payload))\"}")
            return message
        } catch {
            direction.isBroken = true
            line(&state, start + ",\"broken\":\"\(error)\"}")
            return nil
        }
    }

    // MARK: - Lines

    private func head(_ connection: UInt64, _ fromAgent: Bool? = nil) -> String {
        let since = (NIODeadline.now() - began).nanoseconds / 1_000_000
        let from = fromAgent.map { ",\"from\":\"\($0 ? "agent" : "hub")\"" } ?? ""
        return "{\"connection\":\(connection),\"ms\":\(since)\(from)"
    }

    private func line(_ state: inout State, _ text: String) {
        guard !state.isOver else { return }
        var bytes = Array((text + "\n").utf8)
        if state.written + UInt64(bytes.count) > TranscriptFile.limit {
            state.isOver = true
            bytes = Array("{\"event\":\"full\"}\n".utf8)
        }
        state.written += UInt64(bytes.count)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { TranscriptFile.put($0, to: descriptor) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                // A full disk ends the transcript, and nothing else.
                state.isOver = true
                return
            }
            done += count
        }
    }

    fileprivate static func put(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    /// Nothing that would end a string of JSON.
    private static func plain(_ text: String) -> String {
        String(
            decoding: text.utf8.filter { (0x20..<0x7f).contains($0) && $0 != 0x22 && $0 != 0x5c },
            as: UTF8.self)
    }
}

/// Appends the secrets of TLS connections to a file, in the lines of the NSS key log format.
public final class KeyLogFile: Sendable {
    private let descriptor: Int32

    /// - Throws: ``KeyError`` that names the file.
    public init(_ path: String) throws(KeyError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw KeyError(.system(errno), path) }
        guard fchmod(descriptor, 0o600) == 0 else { throw KeyError(.system(errno), path) }
    }

    deinit { close(descriptor) }

    /// - Parameter bytes: a line, with or without its end.
    public func append(_ bytes: [UInt8]) {
        let line = bytes.last == 0x0a ? bytes : bytes + [0x0a]
        _ = line.withUnsafeBytes { TranscriptFile.put($0, to: descriptor) }
    }
}

extension LinkDebugging {
    /// - Parameters:
    ///   - transcript: a new file; nil for none.
    ///   - keyLog: a file; nil for none.
    public static func files(
        transcript: String?, keyLog: String?, side: String, program: String, now: Milliseconds,
        masking: TranscriptFile.Masking?
    ) throws(KeyError) -> LinkDebugging {
        var debugging = LinkDebugging()
        if let transcript {
            debugging.tap = try TranscriptFile(
                creating: transcript, side: side, program: program, now: now, masking: masking)
        }
        if let keyLog {
            let file = try KeyLogFile(keyLog)
            debugging.keyLog = { file.append($0) }
        }
        return debugging
    }
}
