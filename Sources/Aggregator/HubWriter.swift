import Console
import Dispatch
import Forms
import Foundation
import Logging
import SyncCore
import SyncStore
import Synchronization

/// The one writer: owns the hub's store and runs everything that touches it, one job after the other.
///
/// Batches that arrive while a transaction is being made durable wait together and go into the next one: the
/// busier the hub, the larger its transactions. A batch over which an earlier run of the program died goes by
/// itself, step by step, as `TrapSuspicion` says.
final class HubWriter: Sendable {
    private struct Waiting {
        let submission: Submission
        let reply: @Sendable (Result<HubSession.Outcome, any Error>) -> Void

        var stretch: TrapSuspicion.Stretch { TrapSuspicion.Stretch(submission.batch) }
    }

    /// Something small that must be durable before it is answered.
    private struct Small {
        let body: @Sendable (any HubStore) throws -> Void
        let reply: @Sendable ((any Error)?) -> Void
    }

    private final class Box<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    private struct Line {
        var waiting: [Waiting] = []
        var isScheduled = false
        var small: [Small] = []
        /// How many jobs wait, or are being done, that only read.
        var reading = 0
    }

    /// Only touched on `queue`.
    nonisolated(unsafe) private let store: any HubStore
    /// Only touched on `queue`.
    nonisolated(unsafe) private var suspicion: TrapSuspicion
    /// Only touched on `queue`. Nil: rules are none of this writer's.
    nonisolated(unsafe) private var rules: HubRules?
    /// Only touched on `queue`. What fails is said once.
    nonisolated(unsafe) private var areRulesFailing = false
    private let queue = DispatchQueue(label: "hub.writer")
    private let line = Mutex(Line())
    private let news = Mutex(0)
    private let now: @Sendable () -> Milliseconds
    private let watch: TrapWatch?
    private let logger: Logger

    /// - Parameter watch: marks what is in work; nil in tests that do without.
    init(
        store: any HubStore, watch: TrapWatch? = nil,
        suspicion: TrapSuspicion = TrapSuspicion(program: Program.version),
        logger: Logger = Logger(label: "hub.writer"), rules: HubRules? = nil,
        now: @escaping @Sendable () -> Milliseconds
    ) {
        self.rules = rules
        self.store = store
        self.watch = watch
        self.suspicion = suspicion
        self.logger = logger
        self.now = now
    }

    /// Runs `body` on the writer.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (any HubStore) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                let result = Swift.Result { try body(store) }
                if case .failure(let error) = result { Program.endIfDiskFailed(error) }
                continuation.resume(with: result)
            }
        }
    }

    /// Runs `body`, which changes nothing, on the writer.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any HubStore) throws -> Result
    ) async throws -> Result {
        line.withLock { $0.reading += 1 }
        defer { line.withLock { $0.reading -= 1 } }
        return try await run(body)
    }

    /// Somebody's reading waits, or is being done.
    var isReading: Bool { line.withLock { $0.reading > 0 } }

    /// Runs `body` on the writer, in one transaction with others that wait by then. It may run twice.
    func runTogether<Result: Sendable>(
        _ body: @escaping @Sendable (any HubStore) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let box = Box<Result>()
            let small = Small(
                body: { store in
                    let done = try body(store)
                    box.value.withLock { $0 = done }
                },
                reply: { error in
                    if let error { return continuation.resume(throwing: error) }
                    guard let done = box.value.withLock({ $0 }) else { return }
                    continuation.resume(returning: done)
                })
            let mustSchedule = line.withLock { line in
                line.small.append(small)
                return line.small.count == 1
            }
            if mustSchedule { queue.async { [self] in doSmall() } }
        }
    }

    private func doSmall() {
        let all = line.withLock { line in
            defer { line.small = [] }
            return line.small
        }
        let bodies = all.map { small -> () throws -> Void in { [store] in try small.body(store) } }
        let errors = store.together(bodies)
        for (small, error) in zip(all, errors) {
            if let error { Program.endIfDiskFailed(error) }
            small.reply(error)
        }
    }

    /// Puts a batch into the next transaction.
    func ingest(_ submission: Submission) async throws -> HubSession.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let waiting = Waiting(submission: submission) { continuation.resume(with: $0) }
            let mustSchedule = line.withLock { line in
                line.waiting.append(waiting)
                defer { line.isScheduled = true }
                return !line.isScheduled
            }
            if mustSchedule { queue.async { [self] in commit() } }
        }
    }

    /// Does what rules call for now.
    ///
    /// - Returns: whether there is more to do at once.
    func lookAtRules() async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { [self] in continuation.resume(returning: followRules()) }
        }
    }

    /// Another number once something has changed of what waits for an answer, or of the roster.
    var ruleNews: Int { news.withLock { $0 } }

    private func followRules() -> Bool {
        guard rules != nil else { return false }
        do {
            let look = try rules?.look(at: store, now: now()) ?? HubRules.Look()
            if let back = look.wentBack {
                logger.say(
                    .error, "clock_went_back", HubLogWords.clockWentBack,
                    [
                        "from": RecordText.time(back.from), "to": RecordText.time(back.to),
                        "withdrawn": "\(look.events.count { $0.action == .withdrawn })",
                    ])
            }
            for event in look.events {
                guard case .raised = event.action else { continue }
                logger.say(.notice, "rule", HubLogWords.fired(event.rule), ["rule": event.rule])
            }
            areRulesFailing = false
            if look.concernsWaiting || !look.events.isEmpty { news.withLock { $0 += 1 } }
            return look.isMore || !look.events.isEmpty
        } catch {
            Program.endIfDiskFailed(error)
            if areRulesFailing { return false }
            areRulesFailing = true
            logger.say(.error, "rules_failed", HubLogWords.rulesFailed, ["error": "\(error)"])
            return false
        }
    }

    private func commit() {
        // What was due before is judged by what was there before.
        if let rules, rules.isDue(now()) { _ = followRules() }
        let suspicion = self.suspicion
        let (batch, isMore) = line.withLock { line in
            let taken = HubWriter.take(&line.waiting, suspicion)
            line.isScheduled = !line.waiting.isEmpty
            return (taken, line.isScheduled)
        }
        if isMore { queue.async { [self] in commit() } }
        guard let first = batch.first else { return }
        do {
            if suspicion.concerns(first.stretch) {
                first.reply(.success(try takeBySteps(first)))
            } else {
                let outcomes = try take(batch.map(\.submission))
                for (waiter, outcome) in zip(batch, outcomes) { waiter.reply(.success(outcome)) }
            }
        } catch {
            Program.endIfDiskFailed(error)
            for waiter in batch { waiter.reply(.failure(error)) }
        }
    }

    /// At most so many versions go into one transaction, so that nobody waits long for a receipt.
    private static let versionsPerCommit = 20_000

    /// The next transaction's; a batch under suspicion comes alone.
    private static func take(_ waiting: inout [Waiting], _ suspicion: TrapSuspicion) -> [Waiting] {
        var versions = 0
        var count = 0
        while count < waiting.count, count < TrapMarker.stretches,
            count == 0 || versions < versionsPerCommit
        {
            let isSuspect = !suspicion.isEmpty && suspicion.concerns(waiting[count].stretch)
            if isSuspect && count > 0 { break }
            versions += waiting[count].submission.batch.count
            count += 1
            if isSuspect { break }
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    // MARK: - One transaction

    /// Takes these in one transaction, with what is in work said beforehand.
    private func take(_ submissions: [Submission]) throws -> [HubSession.Outcome] {
        let mark = watch?.begin()
        defer { mark?.end() }
        let work = submissions.map { Work($0) }
        return try store.ingest(submissions, now: now()) { stage in
            switch stage {
            case .judging(let index):
                mark?.set(.stretches(.judging, [work[index].batch]))
                work[index].visitPlantedTraps(isJudging: true)
            case .applying(let index):
                mark?.set(.stretches(work[index].stage, [work[index].part]))
                work[index].visitPlantedTraps(isJudging: false)
            case .committing:
                mark?.set(.stretches(work.first?.stage ?? .applying, work.map(\.part)))
            }
        }
    }

    /// What a submission is to the marker.
    private struct Work {
        let batch: TrapSuspicion.Stretch
        let part: TrapSuspicion.Stretch
        let stage: TrapSuspicion.Stage

        init(_ submission: Submission) {
            batch = TrapSuspicion.Stretch(submission.batch)
            var part = batch
            if let range = submission.part?.range {
                (part.first, part.last) = (range.lowerBound, range.upperBound)
            }
            self.part = part
            stage = submission.part?.isRaw == true ? .settingAside : .applying
        }

        func visitPlantedTraps(isJudging: Bool) {
            #if DEBUG
                if isJudging {
                    TrapPlant.visit(.judging, origin: batch.origin, batch.first...batch.last)
                } else if stage == .settingAside {
                    TrapPlant.visit(.raw, origin: part.origin, part.first...part.last)
                } else {
                    TrapPlant.visit(.applying, origin: part.origin, part.first...part.last)
                    TrapPlant.visit(.killing, origin: part.origin, part.first...part.last)
                }
            #endif
        }
    }

    // MARK: - Suspects

    /// Takes a batch over which the program has died, as far as that goes.
    private func takeBySteps(_ waiting: Waiting) throws -> HubSession.Outcome {
        let batch = waiting.stretch
        var next = batch.first
        while true {
            var submission = waiting.submission
            let step = suspicion.step(batch, from: next)
            switch step {
            case .take(let range): submission.part = Submission.Part(range)
            case .setAside(let sequence): submission.part = Submission.Part(sequence...sequence, isRaw: true)
            case .refuse:
                logger.say(.error, "batch_refused", HubLogWords.batchRefused, ["batch": batch.name])
                return .refused(HubWriter.refusal)
            }
            guard let part = submission.part, let outcome = try take([submission]).first else {
                return .refused(HubWriter.refusal)
            }
            guard case .held = outcome else { return outcome }
            if part.isRaw {
                let dot = RecordText.text(Dot(origin: batch.origin, sequence: part.range.lowerBound))
                logger.say(.error, "set_aside", HubLogWords.setAside, ["version": dot])
            }
            if suspicion.through(part.range.upperBound, of: batch.origin) { keepSuspicion() }
            if part.range.upperBound >= batch.last { return outcome }
            next = part.range.upperBound + 1
        }
    }

    /// A suspect frame was decoded after all.
    func forget(_ frame: TrapSuspicion.Frame) {
        queue.async { [self] in
            if suspicion.decoded(frame) { keepSuspicion() }
        }
    }

    /// When that fails, what is suspected too much is forgotten at the origin's next batch after a start.
    private func keepSuspicion() {
        do {
            try store.keep(suspicion: Array(JSONEncoder().encode(suspicion)))
        } catch {
            logger.say(.warning, "traps_not_kept", HubLogWords.trapsNotKept, ["error": "\(error)"])
        }
    }

    /// What a device is told whose batch cannot be taken by this program.
    static let refusal = Refuse(
        .setAside, retryAfter: 600,
        words: "the hub's program fails over what was sent; it is taken once the program is mended")
}
