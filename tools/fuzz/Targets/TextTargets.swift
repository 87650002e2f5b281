import Forms
import SyncCore
import SyncWire

extension FuzzTarget {
    static let text: [FuzzTarget] = [
        FuzzTarget("join-code", joinCode), FuzzTarget("key", key), FuzzTarget("form", form),
    ]

    @Sendable private static func joinCode(_ bytes: [UInt8]) {
        guard let code = JoinCode(text: String(decoding: bytes, as: UTF8.self)) else { return }
        check(JoinCode(text: code.text) == code, "a join code reads as it was written")
    }

    @Sendable private static func key(_ bytes: [UInt8]) {
        if let values = Canonical.decode(key: bytes) {
            check(Canonical.encode(key: values) == bytes, "a key has one way to be written")
        }
        if let items = Canonical.decodeList(bytes[...]) {
            check(Canonical.encodeList(items) == bytes, "a list has one way to be written")
        }
    }

    @Sendable private static func form(_ bytes: [UInt8]) {
        _ = try? FormCatalog.decode(bytes)
    }
}
