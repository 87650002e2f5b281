import GRDBSQLite
import Glibc
import Synchronization

/// SQLite's interface to files with `FaultDisk`s in between; everything else goes straight to the real one.
enum FaultFileSystem {
    private static let disks = Mutex<[FaultDisk]>([])
    nonisolated(unsafe) private static var isRegistered = false

    static func add(_ disk: FaultDisk) {
        disks.withLock { disks in
            if !isRegistered { register() }
            isRegistered = true
            disks.append(disk)
        }
    }

    static func remove(_ disk: FaultDisk) { disks.withLock { $0.removeAll { $0 === disk } } }

    static func disk(of path: String) -> FaultDisk? {
        disks.withLock { $0.first { path.hasPrefix($0.folder + "/") } }
    }

    nonisolated(unsafe) private static var real: UnsafeMutablePointer<sqlite3_vfs>?
    nonisolated(unsafe) private static var own: UnsafeMutablePointer<sqlite3_vfs>?
    nonisolated(unsafe) static var methods: UnsafeMutablePointer<sqlite3_io_methods>?

    private static func register() {
        sqlite3_initialize()
        guard let found = sqlite3_vfs_find(nil) else { return }
        real = found
        let copy = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        copy.initialize(to: found.pointee)
        copy.pointee.pNext = nil
        copy.pointee.zName = UnsafePointer(strdup("rollcall-faults"))
        copy.pointee.szOsFile += Int32(FaultFile.header)
        copy.pointee.xOpen = { _, name, file, flags, outFlags in
            FaultFileSystem.open(name, file, flags, outFlags)
        }
        copy.pointee.xDelete = { _, name, folder in
            guard let name, let real = FaultFileSystem.real else { return SQLITE_IOERR }
            let path = String(cString: name)
            if let disk = FaultFileSystem.disk(of: path) {
                if disk.isDead { return SQLITE_IOERR }
                disk.settled(path)
            }
            return real.pointee.xDelete(real, name, folder)
        }
        own = copy
        let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        table.initialize(to: FaultFile.methods())
        methods = table
        sqlite3_vfs_register(copy, 1)
    }

    private static func open(
        _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
        _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let real, let file else { return SQLITE_CANTOPEN }
        guard let name, let disk = disk(of: String(cString: name)) else {
            return real.pointee.xOpen(real, name, file, flags, outFlags)
        }
        file.pointee.pMethods = nil
        if let effect = disk.meet(.open) {
            errno = effect == .inputOutput ? EIO : ENOSPC
            return SQLITE_CANTOPEN
        }
        let inner = FaultFile.inner(file)
        memset(inner, 0, Int(real.pointee.szOsFile))
        let code = real.pointee.xOpen(real, name, inner, flags, outFlags)
        guard code == SQLITE_OK else { return code }
        FaultFile.bind(FaultFile(disk: disk, path: String(cString: name)), to: file)
        file.pointee.pMethods = UnsafePointer(methods)
        return code
    }
}

/// One open file. In SQLite's memory lie the methods, this object, and the real file behind them.
final class FaultFile {
    static let header = 16
    let disk: FaultDisk
    let path: String

    init(disk: FaultDisk, path: String) {
        self.disk = disk
        self.path = path
    }

    typealias Raw = UnsafeMutablePointer<sqlite3_file>

    static func inner(_ file: Raw) -> Raw {
        (UnsafeMutableRawPointer(file) + header).assumingMemoryBound(to: sqlite3_file.self)
    }

    private static func slot(_ file: Raw) -> UnsafeMutablePointer<UnsafeMutableRawPointer> {
        (UnsafeMutableRawPointer(file) + 8).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }

    static func bind(_ fault: FaultFile, to file: Raw) {
        slot(file).pointee = Unmanaged.passRetained(fault).toOpaque()
    }

    static func of(_ file: Raw) -> FaultFile {
        Unmanaged<FaultFile>.fromOpaque(slot(file).pointee).takeUnretainedValue()
    }

    private static func size(_ inner: Raw) -> Int64 {
        var size: Int64 = 0
        _ = inner.pointee.pMethods.pointee.xFileSize(inner, &size)
        return size
    }

    private static func read(_ inner: Raw, _ count: Int64, at offset: Int64) -> [UInt8] {
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        _ = bytes.withUnsafeMutableBytes {
            inner.pointee.pMethods.pointee.xRead(inner, $0.baseAddress, Int32(count), offset)
        }
        return bytes
    }

    private static func write(_ file: Raw, _ bytes: UnsafeRawPointer, _ count: Int32, _ offset: Int64)
        -> Int32
    {
        let fault = of(file)
        let inner = inner(file)
        var count = count
        let effect = fault.disk.meet(.write)
        switch effect {
        case nil: break
        case .inputOutput:
            errno = EIO
            return SQLITE_IOERR | 3 << 8
        case .noRoom:
            errno = ENOSPC
            return SQLITE_FULL
        case .short: count /= 2
        }
        let size = size(inner)
        let before = read(inner, min(Int64(count), max(0, size - offset)), at: offset)
        let new = Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        fault.disk.noteWrite(fault.path, at: offset, new, before: before, size: size)
        let code = inner.pointee.pMethods.pointee.xWrite(inner, bytes, count, offset)
        guard effect == .short else { return code }
        errno = ENOSPC
        return SQLITE_FULL
    }

    private static func truncate(_ file: Raw, _ wanted: Int64) -> Int32 {
        let fault = of(file)
        let inner = inner(file)
        if fault.disk.meet(.write) != nil {
            errno = EIO
            return SQLITE_IOERR | 6 << 8
        }
        let size = size(inner)
        fault.disk.noteTruncation(
            fault.path, to: wanted, cutting: read(inner, size - wanted, at: wanted), from: size)
        return inner.pointee.pMethods.pointee.xTruncate(inner, wanted)
    }

    static func methods() -> sqlite3_io_methods {
        var table = sqlite3_io_methods()
        // Version 2: with shared memory, without mapped reads.
        table.iVersion = 2
        table.xClose = { file in
            guard let file else { return SQLITE_IOERR }
            let inner = FaultFile.inner(file)
            let code = inner.pointee.pMethods.pointee.xClose(inner)
            Unmanaged<FaultFile>.fromOpaque(FaultFile.slot(file).pointee).release()
            file.pointee.pMethods = nil
            return code
        }
        table.xRead = { file, bytes, count, offset in
            guard let file, !FaultFile.of(file).disk.isDead else { return SQLITE_IOERR | 1 << 8 }
            let inner = FaultFile.inner(file)
            return inner.pointee.pMethods.pointee.xRead(inner, bytes, count, offset)
        }
        table.xWrite = { file, bytes, count, offset in
            guard let file, let bytes else { return SQLITE_IOERR }
            return FaultFile.write(file, bytes, count, offset)
        }
        table.xTruncate = { file, size in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.truncate(file, size)
        }
        table.xSync = { file, _ in
            guard let file else { return SQLITE_IOERR }
            let fault = FaultFile.of(file)
            if fault.disk.meet(.sync) != nil {
                errno = EIO
                return SQLITE_IOERR | 4 << 8
            }
            // What is lost at a power cut is decided by the kit: the real disk need not be waited for.
            fault.disk.settled(fault.path)
            return SQLITE_OK
        }
        fillPlain(&table)
        return table
    }

    /// What is passed on as it is.
    private static func fillPlain(_ table: inout sqlite3_io_methods) {
        table.xFileSize = { file, size in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xFileSize(FaultFile.inner(file), size)
        }
        table.xLock = { file, level in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xLock(FaultFile.inner(file), level)
        }
        table.xUnlock = { file, level in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xUnlock(FaultFile.inner(file), level)
        }
        table.xCheckReservedLock = { file, result in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xCheckReservedLock(
                FaultFile.inner(file), result)
        }
        table.xFileControl = { file, operation, argument in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xFileControl(
                FaultFile.inner(file), operation, argument)
        }
        table.xSectorSize = { file in
            guard let file else { return 4_096 }
            return FaultFile.inner(file).pointee.pMethods.pointee.xSectorSize(FaultFile.inner(file))
        }
        table.xDeviceCharacteristics = { file in
            guard let file else { return 0 }
            return FaultFile.inner(file).pointee.pMethods.pointee.xDeviceCharacteristics(
                FaultFile.inner(file))
        }
        table.xShmMap = { file, region, size, isExtending, memory in
            guard let file else { return SQLITE_IOERR }
            if isExtending != 0, FaultFile.of(file).disk.meet(.sharedMemory) != nil {
                errno = ENOSPC
                return SQLITE_IOERR | 19 << 8
            }
            return FaultFile.inner(file).pointee.pMethods.pointee.xShmMap(
                FaultFile.inner(file), region, size, isExtending, memory)
        }
        table.xShmLock = { file, offset, count, flags in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xShmLock(
                FaultFile.inner(file), offset, count, flags)
        }
        table.xShmBarrier = { file in
            guard let file else { return }
            FaultFile.inner(file).pointee.pMethods.pointee.xShmBarrier(FaultFile.inner(file))
        }
        table.xShmUnmap = { file, isDeleting in
            guard let file else { return SQLITE_IOERR }
            return FaultFile.inner(file).pointee.pMethods.pointee.xShmUnmap(FaultFile.inner(file), isDeleting)
        }
    }
}
