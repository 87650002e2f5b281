import FaultKit
import GRDBSQLite
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A store's work as a row of steps, each of which is one transaction and may be done again.
protocol FaultWork: AnyObject {
    associatedtype Store: AnyObject
    static var steps: Int { get }
    init(folder: String) throws
    /// Makes the store, or opens the one that is there.
    func open() throws -> Store
    /// Does step `number`, from 0 on; done before, it changes nothing.
    func run(_ number: Int, on store: Store) throws
    /// Everything that can be asked, but for names drawn at random.
    func picture(_ store: Store) throws -> [String]
    /// Chains, seals, receipts, counters: what must hold at any time.
    func audit(_ store: Store) throws
    /// Any call, for a store that must refuse.
    func poke(_ store: Store) throws
}

/// Walks through every operation of a work that can fail.
final class FaultWalk<Work: FaultWork> {
    /// What is to be seen after so many steps, without faults.
    private var pictures: [[String]] = []
    private(set) var counts: [Fault.Kind: Int] = [:]
    /// Where it is now, for messages.
    private var fault: Fault?
    /// The store was open when it first refused.
    private var isOpen = false

    init() throws {
        let folder = TemporaryFolder()
        let disk = FaultDisk(folder: folder.path)
        defer { disk.leave() }
        let work = try Work(folder: folder.path)
        do {
            var store: Work.Store? = try work.open()
            pictures.append(try work.picture(try #require(store)))
            for step in 0..<Work.steps {
                try work.run(step, on: try #require(store))
                pictures.append(try work.picture(try #require(store)))
            }
            try work.audit(try #require(store))
            store = nil
        }
        for kind in Fault.Kind.allCases { counts[kind] = disk.count(kind) }
        for (earlier, later) in zip(pictures, pictures.dropFirst()) {
            #expect(earlier != later, "a step that leaves no trace proves nothing")
        }
        // Once more changes nothing.
        let again = try work.open()
        for step in 0..<Work.steps { try work.run(step, on: again) }
        #expect(try work.picture(again) == pictures.last)
    }

    /// Meets the faults one after the other, until the work comes to its end without meeting one.
    func walk(_ aftermath: Fault.Aftermath) throws {
        for kind in Fault.Kind.allCases {
            let effects: [Fault.Effect] = kind == .write ? [.inputOutput, .noRoom, .short] : [.inputOutput]
            // Of the many writes that are only refused, every second is enough.
            let stride = kind == .write && aftermath == .goesOn ? 2 : 1
            var number = 1
            while true {
                let effect = effects[number % effects.count]
                let fault = Fault(kind: kind, number: number, effect: effect, aftermath: aftermath)
                guard try meet(fault) else { break }
                number += stride
            }
            #expect(number > counts[kind] ?? 0, "\(kind)")
        }
    }

    /// Meets the fault once, in a folder of its own.
    ///
    /// - Returns: false when the work came to its end without meeting it.
    private func meet(_ fault: Fault) throws -> Bool {
        self.fault = fault
        let folder = TemporaryFolder()
        let disk = FaultDisk(folder: folder.path)
        defer { disk.leave() }
        let work = try Work(folder: folder.path)
        disk.arm(fault)
        var done = -1
        let refusal = try attempt(work, &done)
        guard disk.isMet else { return false }
        if fault.aftermath == .dies {
            var generator = SeededGenerator(seed: UInt64(fault.number) &* 31 &+ UInt64(fault.kind.hashSeed))
            try disk.powerCut(using: &generator)
        } else if fault.kind == .sync, let refusal, isOpen {
            #expect(refusal.code == .syncFailed, "\(fault) after \(done): \(refusal)")
        }
        disk.arm(nil)
        try check(work, folder: folder.path, done: done)
        return true
    }

    /// Does the work until something fails. Without a power cut, what failed is asked for again on the same
    /// store: that one must go on, or refuse everything.
    ///
    /// - Parameter done: the steps that were confirmed; -1 before the store is open.
    private func attempt(_ work: Work, _ done: inout Int) throws -> StoreError? {
        var store: Work.Store?
        var refusal: StoreError?
        var tries = 0
        while true {
            do {
                if store == nil { store = try work.open() }
                done = max(done, 0)
                while done < Work.steps {
                    if let store { try work.run(done, on: store) }
                    done += 1
                }
                return refusal
            } catch let error as StoreError {
                if refusal == nil { isOpen = store != nil }
                refusal = refusal ?? error
                tries += 1
                if fault?.aftermath == .dies || tries > 3 { return refusal }
                guard error.code == .syncFailed else { continue }
                if let store {
                    let again = #expect(throws: StoreError.self, "\(label)") { try work.poke(store) }
                    #expect(again?.code == .syncFailed, "\(label)")
                }
                return refusal
            }
        }
    }

    private var label: String { fault.map(\.description) ?? "" }

    /// Opens the store anew: what was confirmed is there whole, one more step at most, nothing is torn; and
    /// done again, all ends as if nothing had happened.
    private func check(_ work: Work, folder: String, done: Int) throws {
        let sound = try FaultWalk.integrity(folder + "/store.sqlite")
        #expect(sound == "ok", "\(label): \(sound)")
        let store: Work.Store
        do {
            store = try work.open()
        } catch {
            Issue.record("\(label): cannot be opened again: \(error)")
            return
        }
        let found = try work.picture(store)
        let allowed = pictures[max(0, done)...min(max(0, done) + 1, Work.steps)]
        if !allowed.contains(found) {
            let place = pictures.firstIndex(of: found).map { "is as after step \($0)" } ?? "is torn"
            Issue.record("\(label): after \(done) confirmed steps the store \(place)")
        }
        try work.audit(store)
        // Doing everything again takes its time: after one of the many writes it is much as after the next.
        guard let fault, fault.kind != .write || fault.number % 5 == 0 else { return }
        for step in 0..<Work.steps { try work.run(step, on: store) }
        #expect(try work.picture(store) == pictures.last, "\(label): done again, it ends otherwise")
        try work.audit(store)
    }

    /// SQLite's own opinion.
    private static func integrity(_ path: String) throws -> String {
        var connection: OpaquePointer?
        var statement: OpaquePointer?
        defer {
            sqlite3_finalize(statement)
            sqlite3_close(connection)
        }
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK,
            sqlite3_prepare_v2(connection, "PRAGMA integrity_check", -1, &statement, nil) == SQLITE_OK,
            sqlite3_step(statement) == SQLITE_ROW, let text = sqlite3_column_text(statement, 0)
        else { return sqlite3_errmsg(connection).map { String(cString: $0) } ?? "cannot be opened" }
        return String(cString: text)
    }
}

extension Fault.Kind {
    /// A fixed number for seeds.
    fileprivate var hashSeed: Int { Fault.Kind.allCases.firstIndex(of: self).map { $0 * 7_919 } ?? 0 }
}
