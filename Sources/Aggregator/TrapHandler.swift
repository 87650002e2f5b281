import Glibc
import Synchronization

/// Leaves a marker when the process dies of a trap, and lets it die.
///
/// The handler only calls what POSIX allows there, and touches only memory that was laid out before: a *slot*
/// a thread, in which the thread has put the bytes to be written before its work began. A trap on a thread
/// without a slot writes nothing: it blames nobody. What was installed before (Swift's backtraces, else the
/// default) goes on afterwards, so that the process ends with the signal it would have ended with.
enum TrapHandler {
    static let signals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT]
    /// Threads that can have something in work at once; one more goes unmarked.
    static let slots = 32
    private static let stackBytes = 64 * 1_024

    /// Everything that the handler looks at, at addresses that stay.
    private struct Memory: @unchecked Sendable {
        /// By slot: the thread that holds it, 0 for none.
        let owners: UnsafeMutablePointer<Atomic<UInt>>
        /// By slot: how many bytes to write, 0 for none.
        let lengths: UnsafeMutablePointer<Atomic<Int>>
        /// A marker a slot.
        let markers: UnsafeMutableRawPointer
        /// An alternate stack a slot: a trap may be a stack that is full.
        let stacks: UnsafeMutableRawPointer
        /// The marker file; below 0 when there is none.
        let descriptor: UnsafeMutablePointer<Atomic<Int32>>
        /// The thread that writes; 0 while nobody does.
        let writer: UnsafeMutablePointer<Atomic<UInt>>
        /// What was installed before, by place in `signals`.
        let previous: UnsafeMutablePointer<sigaction>
        let process: pid_t

        init() {
            owners = .allocate(capacity: TrapHandler.slots)
            lengths = .allocate(capacity: TrapHandler.slots)
            for slot in 0..<TrapHandler.slots {
                (owners + slot).initialize(to: Atomic(0))
                (lengths + slot).initialize(to: Atomic(0))
            }
            markers = .allocate(byteCount: TrapHandler.slots * TrapMarker.size, alignment: 16)
            stacks = .allocate(byteCount: TrapHandler.slots * TrapHandler.stackBytes, alignment: 4_096)
            descriptor = .allocate(capacity: 1)
            descriptor.initialize(to: Atomic(-1))
            writer = .allocate(capacity: 1)
            writer.initialize(to: Atomic(0))
            previous = .allocate(capacity: 6)
            previous.initialize(repeating: sigaction(), count: 6)
            process = getpid()
        }
    }

    private static let memory = Memory()

    /// Installs the handler; `descriptor` stays open as long as the process lives.
    static func install(writingTo descriptor: Int32) {
        memory.descriptor.pointee.store(descriptor, ordering: .sequentiallyConsistent)
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = { signal, info, _ in TrapHandler.handle(signal, info) }
        action.sa_flags = SA_SIGINFO | SA_ONSTACK
        sigfillset(&action.sa_mask)
        for (index, signal) in signals.enumerated() {
            _ = sigaction(signal, &action, memory.previous + index)
        }
    }

    /// On the thread that trapped. Nothing here allocates, locks or is set up lazily.
    private static func handle(_ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>?) {
        let memory = TrapHandler.memory
        let me = UInt(bitPattern: Int(pthread_self()))
        if isOwn(info) {
            let (isFirst, writer) = memory.writer.pointee.compareExchange(
                expected: 0, desired: me, ordering: .sequentiallyConsistent)
            if isFirst {
                leaveMarker(of: me, signal: signal)
            } else if writer != me {
                // Another thread is writing its marker and will end the process.
                while true { pause() }
            }
        }
        // SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, as in `signals`.
        let place: Int
        switch signal {
        case SIGILL: place = 0
        case SIGTRAP: place = 1
        case SIGSEGV: place = 2
        case SIGBUS: place = 3
        case SIGFPE: place = 4
        default: place = 5
        }
        _ = sigaction(signal, memory.previous + place, nil)
        // Blocked until the handler returns, and then it ends the process at the place of the trap.
        raise(signal)
    }

    /// Whether the process itself is at fault: a signal that somebody sent is no trap.
    private static func isOwn(_ info: UnsafeMutablePointer<siginfo_t>?) -> Bool {
        guard let info else { return false }
        if info.pointee.si_code > 0 { return true }
        return info.pointee.si_code == -6 && info.pointee._sifields._kill.si_pid == memory.process
    }

    private static func leaveMarker(of thread: UInt, signal: Int32) {
        let memory = TrapHandler.memory
        let descriptor = memory.descriptor.pointee.load(ordering: .sequentiallyConsistent)
        var slot = 0
        while slot < slots {
            if memory.owners[slot].load(ordering: .sequentiallyConsistent) == thread {
                let length = memory.lengths[slot].load(ordering: .sequentiallyConsistent)
                guard length > 0, descriptor >= 0 else { return }
                let marker = memory.markers + slot * TrapMarker.size
                (marker + (length - 1)).storeBytes(of: UInt8(truncatingIfNeeded: signal), as: UInt8.self)
                _ = pwrite(descriptor, marker, length, 0)
                _ = fsync(descriptor)
                return
            }
            slot += 1
        }
    }

    // MARK: - Slots

    /// A thread's claim to a slot, from `begin` to `end` on that thread.
    struct Slot {
        fileprivate let number: Int
        fileprivate let hasStack: Bool
    }

    /// Nil when all slots are taken, or this thread holds one already.
    static func begin() -> Slot? {
        let me = UInt(bitPattern: Int(pthread_self()))
        for slot in 0..<slots where memory.owners[slot].load(ordering: .relaxed) == me { return nil }
        for slot in 0..<slots {
            let (isMine, _) = memory.owners[slot].compareExchange(
                expected: 0, desired: me, ordering: .sequentiallyConsistent)
            if isMine { return Slot(number: slot, hasStack: lendStack(slot)) }
        }
        return nil
    }

    /// Puts what is in work into the slot; an empty array takes it out.
    static func set(_ bytes: [UInt8], in slot: Slot) {
        memory.lengths[slot.number].store(0, ordering: .sequentiallyConsistent)
        guard bytes.count <= TrapMarker.size else { return }
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            (memory.markers + slot.number * TrapMarker.size).copyMemory(from: start, byteCount: bytes.count)
        }
        memory.lengths[slot.number].store(bytes.count, ordering: .sequentiallyConsistent)
    }

    static func end(_ slot: Slot) {
        memory.lengths[slot.number].store(0, ordering: .sequentiallyConsistent)
        if slot.hasStack {
            var none = stack_t()
            none.ss_flags = Int32(SS_DISABLE)
            _ = sigaltstack(&none, nil)
        }
        memory.owners[slot.number].store(0, ordering: .sequentiallyConsistent)
    }

    /// Gives the thread the slot's stack to trap on, unless it has one of its own.
    private static func lendStack(_ slot: Int) -> Bool {
        var present = stack_t()
        guard sigaltstack(nil, &present) == 0, present.ss_flags & Int32(SS_DISABLE) != 0 else { return false }
        var stack = stack_t()
        stack.ss_sp = memory.stacks + slot * stackBytes
        stack.ss_size = stackBytes
        return sigaltstack(&stack, nil) == 0
    }
}
