import Console
import Forms
import Foundation
import Logging
import SyncCore
import SyncStore
import Synchronization

/// Runs a command for the urgent records that wait, again and again until somebody takes them, for whoever's
/// turn it is: one run for each, or one for all where they are many. The command runs apart: one that hangs
/// is ended, one that fails comes again later. When each was rung is kept, so that a hub that is started
/// again does not ring anew for what it has just rung for.
final class AlertCaller: Sendable {
    /// How the command is run.
    struct Plan: Sendable {
        var command: String
        /// Between two runs for one record, first; it doubles up to ``longest``.
        var every: Duration = .seconds(60)
        /// Whether person and telephone are told as well.
        var isPersonal = false
        /// So long the command may take.
        var limit: Duration = .seconds(30)
        /// Where it is kept when each was rung; nil: nowhere.
        var file: String?

        static let longest = Duration.seconds(900)

        /// Until the run after so many.
        func pause(after count: Int) -> Duration { min(every * (1 << min(count, 10)), Plan.longest) }
    }

    /// One record that waits.
    struct Call: Sendable, Hashable {
        var alert: String
        var key: RecordKey
        var unit: String
        var step: Int64
        var turn: String?
        var phone: String
        var isTold: Bool
    }

    private struct Place {
        var step: Int64
        /// Whose turn it was; nil where that is not known.
        var turn: String??
        var count = 0
        var next: ContinuousClock.Instant
        var isRunning = false
    }

    private struct State {
        var places: [String: Place] = [:]
        /// Commands that run.
        var running = 0
    }

    private let plan: Plan
    private let writer: HubWriter
    private let logger: Logger
    private let now: @Sendable () -> Milliseconds
    private let state = Mutex(State())

    /// At most so many commands run at a time.
    private static let atOnce = 8
    /// More than so many for one person are one run.
    private static let each = 3
    /// So many of them it is told by name.
    private static let named = 50
    private static let lookEvery = Duration.milliseconds(500)

    init(
        _ plan: Plan, writer: HubWriter, logger: Logger, now: @escaping @Sendable () -> Milliseconds
    ) {
        self.plan = plan
        self.writer = writer
        self.logger = logger
        self.now = now
    }

    func run() async {
        let rung = RungFile(plan.file).read()
        let (time, start) = (now(), ContinuousClock.now)
        state.withLock { state in
            for (alert, entry) in rung {
                let since = Duration.milliseconds(max(0, time.subtractingClamped(entry.at)))
                state.places[alert] = Place(
                    step: entry.step, count: entry.count,
                    next: start + max(.zero, plan.pause(after: entry.count - 1) - since))
            }
        }
        await withDiscardingTaskGroup { group in
            var calls: [Call] = []
            var seen: Int?
            while !Task.isCancelled {
                // Who waits is asked again when something of it has changed.
                let news = writer.ruleNews
                if news != seen,
                    let found = try? await writer.run({ [now] in try AlertCaller.calls($0, now: now()) })
                {
                    (calls, seen) = (found, news)
                }
                if seen != nil {
                    for calls in due(calls) { group.addTask { await self.make(calls) } }
                }
                try? await Task.sleep(for: AlertCaller.lookEvery)
            }
        }
    }

    /// What waits, with whose turn it is by the roster.
    static func calls(_ store: any HubStore, now: Milliseconds) throws -> [Call] {
        let catalog = try store.compiledForms()
        var calls = try RaisedDesk.each(store, catalog, status: RaisedForm.open) {
            key, record, raised -> Call? in
            guard raised.status(of: record) == RaisedForm.open,
                catalog.isUrgent(rule: raised.rule(of: key), raised: key.form),
                let step = raised.value("step", of: record)?.integer
            else { return nil }
            let turn = raised.text("turn", of: record)
            let told = raised.text("told_to", of: record)
            return Call(
                alert: RaisedRow.name(of: key), key: key,
                unit: try store.answeringUnit(of: key, catalog) ?? "", step: step, turn: turn, phone: "",
                isTold: raised.time("told_at", of: record) != nil && told == turn)
        }
        guard calls.contains(where: { $0.turn != nil }) else { return calls }
        let posts = try PostBook.posts(catalog) { form, body in
            try store.export(form: form, from: nil, to: nil) {
                try body(RecordKey(form: form, values: $0), $1)
            }
        }
        for index in calls.indices {
            guard let turn = calls[index].turn else { continue }
            calls[index].phone = posts.phone(of: turn, at: now) ?? ""
        }
        return calls
    }

    /// Those to be made now, together what is one run; who answers is forgotten.
    private func due(_ calls: [Call]) -> [[Call]] {
        state.withLock { state in
            let waiting = Set(calls.map(\.alert))
            state.places = state.places.filter { waiting.contains($0.key) || $0.value.isRunning }
            let time = ContinuousClock.now
            var ready: [(turn: String?, calls: [Call])] = []
            for call in calls {
                var place = state.places[call.alert] ?? Place(step: call.step, turn: call.turn, next: time)
                let isOther = place.step != call.step || place.turn.map { $0 != call.turn } ?? false
                if isOther, !place.isRunning {
                    place = Place(step: call.step, turn: call.turn, next: time)
                }
                if place.turn == nil { place.turn = .some(call.turn) }
                state.places[call.alert] = place
                guard !place.isRunning, place.next <= time else { continue }
                if let index = ready.firstIndex(where: { $0.turn == call.turn }) {
                    ready[index].calls.append(call)
                } else {
                    ready.append((call.turn, [call]))
                }
            }
            let runs = ready.flatMap { _, calls in
                calls.count > AlertCaller.each ? [calls] : calls.map { [$0] }
            }.prefix(max(0, AlertCaller.atOnce - state.running))
            state.running += runs.count
            for call in runs.joined() { state.places[call.alert]?.isRunning = true }
            return Array(runs)
        }
    }

    private func make(_ calls: [Call]) async {
        guard let first = calls.first else { return }
        let words = [plan.command, first.alert, first.unit, "urgent", "\(calls.count)"]
        var variables = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"].contains($0.key)
        }
        variables["ROLLCALL_ALERT"] = first.alert
        variables["ROLLCALL_ALERTS"] = calls.prefix(AlertCaller.named).map(\.alert).joined(separator: " ")
        variables["ROLLCALL_COUNT"] = "\(calls.count)"
        variables["ROLLCALL_UNIT"] = first.unit
        variables["ROLLCALL_LEVEL"] = "urgent"
        variables["ROLLCALL_STEP"] = "\(first.step + 1)"
        if plan.isPersonal {
            variables["ROLLCALL_TURN"] = first.turn ?? ""
            variables["ROLLCALL_PHONE"] = first.phone
        }
        let outcome = await CalledCommand.run(words, environment: variables, within: plan.limit)
        if outcome == .ended(0) {
            let news = calls.filter { !$0.isTold }
            if !news.isEmpty {
                let time = now()
                _ = try? await writer.run { try AlertCaller.told(news, $0, now: time) }
            }
        } else {
            logger.say(
                .warning, "alert_command", HubLogWords.alertCommand(outcome),
                ["alert": first.alert, "count": "\(calls.count)", "outcome": "\(outcome)"])
        }
        let time = now()
        state.withLock { state in
            state.running -= 1
            for call in calls {
                guard var place = state.places[call.alert] else { continue }
                place.isRunning = false
                place.next = ContinuousClock.now + plan.pause(after: place.count)
                place.count += 1
                state.places[call.alert] = place
            }
        }
        // What was rung is known by its name alone, which tells nothing of anybody.
        RungFile(plan.file).note(calls.map(\.alert)) { alert in
            state.withLock { $0.places[alert] }.map {
                RungFile.Entry(step: $0.step, count: $0.count, at: time)
            }
        } isWaiting: { alert in
            state.withLock { $0.places[alert] != nil }
        }
    }

    /// Keeps that somebody was told, unless it has been answered meanwhile.
    static func told(_ calls: [Call], _ store: any HubStore, now: Milliseconds) throws {
        let catalog = try store.compiledForms()
        try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            for call in calls {
                guard let form = catalog[call.key.form], let raised = RaisedForm(form.definition),
                    let state = try transaction.record(call.key)
                else { continue }
                let record = state.effective(under: form.mergeRules)
                guard record.exists, raised.status(of: record) == RaisedForm.open else { continue }
                let values: [(name: String, value: Value)] = [
                    ("told_to", call.turn.map { .text($0) } ?? .notStated), ("told_at", .integer(now)),
                ]
                for edit in state.edits(raised.assignments(values), under: form.mergeRules) {
                    try transaction.author(
                        Draft(
                            lane: .urgent, key: call.key, formRevision: form.definition.revision,
                            context: edit.context, assignments: edit.assignments))
                }
            }
        }
    }
}

/// When each alert was rung the last time, beside the store. Where it is lost, it is rung once more.
private struct RungFile {
    struct Entry: Codable {
        var step: Int64
        /// How often.
        var count: Int
        var at: Milliseconds
    }

    private struct Content: Codable {
        var rung: [String: Entry]
    }

    private let path: String?
    private static let lock = Mutex(())

    init(_ path: String?) { self.path = path }

    func read() -> [String: Entry] {
        guard let path, let data = FileManager.default.contents(atPath: path) else { return [:] }
        return (try? JSONDecoder().decode(Content.self, from: data).rung) ?? [:]
    }

    func note(_ alerts: [String], _ entry: (String) -> Entry?, isWaiting: (String) -> Bool) {
        guard let path else { return }
        RungFile.lock.withLock { _ in
            var rung = read().filter { isWaiting($0.key) }
            for alert in alerts { rung[alert] = entry(alert) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            guard let data = try? encoder.encode(Content(rung: rung)) else { return }
            try? Files.write(Array(data), to: path)
        }
    }
}
