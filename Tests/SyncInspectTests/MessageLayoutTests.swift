import Console
import Foundation
import SyncCore
import SyncWire
import Testing

/// `--hexdump` says of each byte which field it belongs to, from a list of its own. What a changed byte does
/// to the decoded message shows whether that is true.
@Suite struct MessageLayoutTests {
    private static let vectors = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Protocol/vectors")

    /// The valid messages that are not compressed, by the name of their vector.
    private func messages() throws -> [(name: String, type: UInt8, payload: [UInt8])] {
        let data = try Data(contentsOf: MessageLayoutTests.vectors.appending(path: "messages.json"))
        let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var found: [(name: String, type: UInt8, payload: [UInt8])] = []
        for one in try #require(all["valid"] as? [[String: Any]]) {
            let bytes = try #require((one["bytes"] as? String).flatMap { Hex.decode($0) })
            var reader = FrameReader()
            reader.acceptsInStream = true
            reader.append(bytes)
            guard let message = try? reader.next()?.message else { continue }
            let encoded = MessageCodec.encode(message)
            guard encoded.payload.count < 1_200 else { continue }
            found.append((try #require(one["name"] as? String), encoded.type, encoded.payload))
        }
        return found
    }

    /// The plain values of a message, by their place in it, without numbers of items.
    private func leaves(_ value: Any, _ path: String, _ found: inout [String: String]) {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional {
            if let inner = mirror.children.first { leaves(inner.value, path, &found) }
            return
        }
        guard !mirror.children.isEmpty, !(value is String), mirror.displayStyle != .enum || path.isEmpty
        else {
            found[path] = found[path, default: ""] + "|\(value)"
            return
        }
        if let bytes = value as? [UInt8] {
            found[path] = found[path, default: ""] + "|\(bytes)"
            return
        }
        for child in mirror.children {
            let label = mirror.displayStyle == .collection ? "[]" : "." + (child.label ?? "")
            leaves(child.value, path + label, &found)
        }
    }

    /// Without the numbers of items: `origin 2 nonce` becomes `origin nonce`.
    private func plain(_ name: String) -> String {
        name.split(separator: " ").filter { Int($0) == nil }.joined(separator: " ")
    }

    /// Which fields of a message the bytes of each named stretch set, as the codec reads them.
    private func fields(_ type: UInt8, _ payload: [UInt8], _ table: inout [String: Set<String>]) throws {
        let message = try MessageCodec.decode(type: type, payload: payload)
        var before: [String: String] = [:]
        leaves(message, "", &before)
        for part in try MessageLayout.parts(type: type, payload: payload) where part.form == nil {
            for place in part.offset..<(part.offset + part.size) {
                for bit in 0..<8 {
                    var changed = payload
                    changed[place] ^= 1 << bit
                    guard let other = try? MessageCodec.decode(type: type, payload: changed) else { continue }
                    // A count or a flag that changes how much follows says nothing of one field.
                    guard let parts = try? MessageLayout.parts(type: type, payload: changed),
                        parts.map(\.name)
                            == (try MessageLayout.parts(type: type, payload: payload)).map(\.name)
                    else { continue }
                    var after: [String: String] = [:]
                    leaves(other, "", &after)
                    let all = Set(before.keys).union(after.keys)
                    let differing = all.filter { before[$0] != after[$0] && !$0.contains("rows") }
                    let name = "\(type) \(plain(part.name))"
                    table[name, default: []].formUnion(differing)
                }
            }
        }
    }

    @Test func everyStretchSetsTheFieldThatItNames() throws {
        var table: [String: Set<String>] = [:]
        for (_, type, payload) in try messages() { try fields(type, payload, &table) }
        let lines = table.filter { !$0.value.isEmpty }.map {
            "\($0.key): \($0.value.sorted().joined(separator: " "))"
        }
        #expect(lines.count > 60)
        try Snapshot.compare("message-layout", lines.sorted())
    }
}
