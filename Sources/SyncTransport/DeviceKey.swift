package import Crypto
public import SyncCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A replica's identity: a P-256 key in a file of its own that only its owner may read.
public struct DeviceKey: Sendable {
    package let privateKey: P256.Signing.PrivateKey
    /// The public key, uncompressed (X9.63, 65 bytes).
    public let publicKey: [UInt8]
    /// SHA-256 of `publicKey`: what the other side pins.
    public let fingerprint: SyncCore.Digest

    package init(_ key: P256.Signing.PrivateKey) {
        privateKey = key
        publicKey = Array(key.publicKey.x963Representation)
        fingerprint = Hashing.sha256(publicKey)
    }

    /// A new key that is in no file.
    public static func generate() -> DeviceKey { DeviceKey(P256.Signing.PrivateKey()) }

    /// Makes a new key and stores it durably at `path`. A crash on the way leaves no file or a whole one.
    public static func create(at path: String) throws(KeyError) -> DeviceKey {
        let key = generate()
        let draft = path + ".new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw KeyError(.system(errno), draft) }
        defer { unlink(draft) }
        let written = write(Array(key.privateKey.pemRepresentation.utf8), to: file)
        let code = errno
        close(file)
        guard written else { throw KeyError(.system(code), draft) }
        // Unlike rename, link never takes the place of a key that is there.
        guard link(draft, path) == 0 else {
            throw KeyError(errno == EEXIST ? .alreadyExists : .system(errno), path)
        }
        try syncFolder(of: path)
        return key
    }

    /// Reads the key at `path`, unless others may read it too.
    public static func load(from path: String) throws(KeyError) -> DeviceKey {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw KeyError(errno == ENOENT ? .missing : .system(errno), path)
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { throw KeyError(.system(errno), path) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw KeyError(.unreadable, path) }
        let mode = UInt32(facts.st_mode) & 0o777
        guard mode & 0o077 == 0 else { throw KeyError(.tooOpen(mode: mode), path) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { throw KeyError(.system(errno), path) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: text) else {
            throw KeyError(.unreadable, path)
        }
        return DeviceKey(key)
    }

    private static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { buffer in
                #if canImport(Glibc)
                    Glibc.write(file, buffer.baseAddress, buffer.count)
                #elseif canImport(Musl)
                    Musl.write(file, buffer.baseAddress, buffer.count)
                #else
                    Darwin.write(file, buffer.baseAddress, buffer.count)
                #endif
            }
            guard count > 0 else { return false }
            done += count
        }
        return fsync(file) == 0
    }

    private static func syncFolder(of path: String) throws(KeyError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let file = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw KeyError(.system(errno), folder) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw KeyError(.system(errno), folder) }
    }
}
