import Console
import Forms
import SyncCore
import SyncWire

/// Bytes with what each of them is.
enum Hexdump {
    /// One stretch of bytes.
    struct Stretch: Encodable {
        var offset: Int
        var bytes: Int
        var name: String
        var value: String
        /// Digits; asterisks where a personal value stands.
        var hex: String
    }

    private static let header = [
        ("type", 1), ("flags", 1), ("header check", 2), ("payload length", 4), ("inflated length", 4),
        ("CRC-32 of the inflated payload", 4),
    ]

    /// The sixteen bytes of a frame's header.
    static func header(_ bytes: [UInt8], at base: Int = 0) -> [Stretch] {
        var offset = 0
        var stretches: [Stretch] = []
        for (name, size) in header where offset + size <= bytes.count {
            let part = bytes[offset..<(offset + size)]
            let value = part.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let words =
                switch name {
                case "type": MessageNames.name(UInt8(truncatingIfNeeded: value))
                case "flags": MessageNames.flags(UInt8(truncatingIfNeeded: value))
                case "payload length", "inflated length": "\(value)"
                default: ""
                }
            stretches.append(
                Stretch(
                    offset: base + offset, bytes: size, name: name, value: words, hex: hex(part, false)))
            offset += size
        }
        return stretches
    }

    /// A payload that is not compressed, or its inflated bytes.
    static func payload(
        type: UInt8, _ payload: [UInt8], at base: Int, _ masking: Masking
    ) -> [Stretch] {
        guard let parts = try? MessageLayout.parts(type: type, payload: payload) else {
            return [
                Stretch(
                    offset: base, bytes: payload.count, name: "payload that does not read", value: "",
                    hex: hex(payload[...], !masking.unmask))
            ]
        }
        return parts.map { part in
            let isHidden = !masking.unmask && isPersonal(part, masking)
            return Stretch(
                offset: base + part.offset, bytes: part.size, name: part.name,
                value: isHidden ? Masking.mask : Masking.clean(part.value),
                hex: hex(payload[part.offset..<(part.offset + part.size)], isHidden))
        }
    }

    static func rows(_ bytes: [UInt8], _ masking: Masking) -> [Stretch] {
        let groups = (try? RowsCodec.decode(bytes))?.groups ?? []
        let parts = (try? RowsLayout.parts(of: bytes)) ?? []
        return parts.map { part in
            let form = part.group.map { groups[$0].form }
            let named = MessageLayout.Part(
                name: part.name, value: part.encoding, offset: part.offset, size: part.size, form: form)
            let isHidden = !masking.unmask && isPersonal(named, masking)
            return Stretch(
                offset: part.offset, bytes: part.size, name: part.name, value: part.encoding,
                hex: hex(bytes[part.offset..<(part.offset + part.size)], isHidden))
        }
    }

    /// Authors, secrets, and columns of fields that are personal or that nobody knows.
    private static func isPersonal(_ part: MessageLayout.Part, _ masking: Masking) -> Bool {
        let last = part.name.split(separator: " ").last.map(String.init) ?? ""
        if part.name == "authors" || part.name == "secret" || part.name == "session token" { return true }
        if part.name.hasPrefix("salt "), last == "bytes" { return true }
        if part.name == "label" { return true }
        guard let form = part.form, part.name.hasPrefix("field ") else { return false }
        let id = part.name.split(separator: " ").dropFirst().first.flatMap { FieldID($0) }
        return id.map { masking.forms[form]?.field($0)?.personal ?? true } ?? true
    }

    private static func hex(_ bytes: ArraySlice<UInt8>, _ isHidden: Bool) -> String {
        if isHidden { return String(repeating: "**", count: bytes.count) }
        return Hex.encode(Array(bytes))
    }

    /// Sixteen bytes a line; the name stands beside the first.
    static func lines(_ stretches: [Stretch]) -> [String] {
        stretches.flatMap { stretch -> [String] in
            var lines: [String] = []
            var digits = stretch.hex[...]
            var offset = stretch.offset
            repeat {
                let part = digits.prefix(32)
                digits = digits.dropFirst(32)
                var cells = ""
                var rest = part
                while !rest.isEmpty {
                    cells += (cells.isEmpty ? "" : " ") + rest.prefix(2)
                    rest = rest.dropFirst(2)
                }
                let place = String(offset, radix: 16)
                let padded = String(repeating: "0", count: max(0, 6 - place.count)) + place
                let note =
                    lines.isEmpty
                    ? stretch.name + (stretch.value.isEmpty ? "" : ": \(stretch.value)") : ""
                let gap = String(repeating: " ", count: 49 - cells.count)
                lines.append("\(padded)  \(cells)\(note.isEmpty ? "" : gap + note)")
                offset += 16
            } while !digits.isEmpty
            return lines
        }
    }
}

/// Frame types and flags as the specification calls them.
enum MessageNames {
    private static let names: [UInt8: String] = [
        MessageType.join: "Join", MessageType.joined: "Joined", MessageType.hello: "Hello",
        MessageType.welcome: "Welcome", MessageType.refuse: "Refuse", MessageType.batch: "Batch",
        MessageType.receipt: "Receipt", MessageType.feed: "Feed", MessageType.feedAck: "FeedAck",
        MessageType.mark: "Mark", MessageType.heads: "Heads", MessageType.fork: "Fork",
        MessageType.gap: "Gap", MessageType.ping: "Ping", MessageType.close: "Close",
        MessageType.ask: "Ask", MessageType.tally: "Tally", MessageType.hole: "Hole",
    ]

    static func name(_ type: UInt8) -> String { names[type] ?? "type \(type)" }

    static func flags(_ flags: UInt8) -> String {
        let known: [(UInt8, String)] = [
            (FrameHeader.critical, "critical"), (FrameHeader.inStream, "in-stream"),
            (FrameHeader.freshContext, "fresh-context"),
        ]
        return known.filter { flags & $0.0 != 0 }.map(\.1).joined(separator: " ")
    }
}
