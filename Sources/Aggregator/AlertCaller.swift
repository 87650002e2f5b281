import Console
import Forms
import Foundation
import Logging
import SyncCore
import SyncStore
import Synchronization

/// Runs a command for each urgent record that waits, again and again until somebody takes it, for whoever's
/// turn it is. The command runs apart: one that hangs is ended, one that fails comes again later.
final class AlertCaller: Sendable {
    /// How the command is run.
    struct Plan: Sendable {
        var command: String
        /// Between two runs for one record, first; it doubles up to ``longest``.
        var every: Duration = .seconds(60)
        /// Whether person and telephone are told as well.
        var isPersonal = false
        var limit: Duration = .seconds(30)

        static let longest = Duration.seconds(900)
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
        var turn: String?
        var count = 0
        var next: ContinuousClock.Instant
        var isRunning = false
    }

    private let plan: Plan
    private let writer: HubWriter
    private let logger: Logger
    private let now: @Sendable () -> Milliseconds
    private let places = Mutex<[String: Place]>([:])

    /// At most so many commands run at a time.
    private static let atOnce = 8
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
                for call in due(calls) { group.addTask { await self.make(call) } }
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
                alert: RaisedRow.name(of: key), key: key, unit: try store.unit(of: key) ?? "", step: step,
                turn: turn, phone: "",
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

    /// Those to be made now; who answers is forgotten.
    private func due(_ calls: [Call]) -> [Call] {
        places.withLock { places in
            let waiting = Set(calls.map(\.alert))
            places = places.filter { waiting.contains($0.key) || $0.value.isRunning }
            var running = places.values.count { $0.isRunning }
            let time = ContinuousClock.now
            return calls.filter { call in
                var place = places[call.alert] ?? Place(turn: call.turn, next: time)
                if place.turn != call.turn, !place.isRunning {
                    place = Place(turn: call.turn, next: time)
                }
                defer { places[call.alert] = place }
                guard !place.isRunning, place.next <= time, running < AlertCaller.atOnce else { return false }
                place.isRunning = true
                running += 1
                return true
            }
        }
    }

    private func make(_ call: Call) async {
        let words = [plan.command, call.alert, call.unit, "urgent"]
        var variables = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"].contains($0.key)
        }
        variables["ROLLCALL_ALERT"] = call.alert
        variables["ROLLCALL_UNIT"] = call.unit
        variables["ROLLCALL_LEVEL"] = "urgent"
        variables["ROLLCALL_STEP"] = "\(call.step + 1)"
        if plan.isPersonal {
            variables["ROLLCALL_TURN"] = call.turn ?? ""
            variables["ROLLCALL_PHONE"] = call.phone
        }
        let outcome = await CalledCommand.run(words, environment: variables, within: plan.limit)
        if outcome == .ended(0) {
            if !call.isTold {
                let time = now()
                _ = try? await writer.run { try AlertCaller.told(call, $0, now: time) }
            }
        } else {
            logger.say(
                .warning, "alert_command", HubLogWords.alertCommand(outcome),
                ["alert": call.alert, "outcome": "\(outcome)"])
        }
        places.withLock { places in
            guard var place = places[call.alert] else { return }
            place.isRunning = false
            let wait = min(plan.every * (1 << min(place.count, 10)), Plan.longest)
            place.count += 1
            place.next = ContinuousClock.now + wait
            places[call.alert] = place
        }
    }

    /// Keeps that somebody was told, unless it has been answered meanwhile.
    static func told(_ call: Call, _ store: any HubStore, now: Milliseconds) throws {
        let catalog = try store.compiledForms()
        guard let form = catalog[call.key.form], let raised = RaisedForm(form.definition) else { return }
        try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            guard let state = try transaction.record(call.key) else { return }
            let record = state.effective(under: form.mergeRules)
            guard raised.status(of: record) == RaisedForm.open else { return }
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
