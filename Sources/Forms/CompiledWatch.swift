import SyncCore

/// A rule across records or on time, with everything that it names looked up.
public struct CompiledWatch: Sendable {
    enum Kind: Sendable {
        case missing(form: CompiledForm, cutOff: DatedHour)
        case beside(
            form: CompiledForm, any: [CompiledForm.Condition], finder: CompiledForm,
            finds: [CompiledForm.Condition])
        case differs(form: CompiledForm, measures: [(field: FieldDefinition, measure: CompiledMeasure)])
        case gap(form: CompiledForm, ahead: Milliseconds, never: Milliseconds?)
        case clock(back: Milliseconds)
        case open([CompiledForm.Condition])
    }

    public let id: String
    /// Whether somebody is to be woken.
    public let isUrgent: Bool
    /// The form of what is raised.
    public let raises: RaisedForm
    let kind: Kind
    let tell: [CompiledTell]

    /// Whether it fires at moments that settings and the roster decide.
    var isOfTime: Bool {
        switch kind {
        case .missing, .gap: true
        case .beside, .differs, .clock, .open: false
        }
    }

    /// Whether it goes on with records that wait until somebody answers.
    var waitsForAnswer: Bool { if case .open = kind { true } else { false } }

    /// Whether a form has the keys of what such rules raise: day, rule, unit and what it is about.
    static func fits(_ definition: FormDefinition) -> Bool {
        definition.keys.map(\.type) == [.date, .text, .unit, .text]
            && definition.keys.map(\.name) == ["day", "rule", "unit", "about"]
    }

    /// - Throws: ``FormDefinitionError`` when something is named that is not there.
    init(
        _ watch: WatchRule, in definition: FormDefinition, _ forms: CompiledCatalog
    ) throws(FormDefinitionError) {
        func refuse() -> FormDefinitionError {
            FormDefinitionError(form: definition.form, subject: watch.id, code: .badRule)
        }
        guard let raises = RaisedForm(definition), let form = forms[watch.of ?? definition.form],
            watch.open != nil || CompiledWatch.fits(definition)
        else { throw refuse() }
        id = watch.id
        isUrgent = watch.level == "urgent"
        self.raises = raises
        tell = CompiledTell.steps(watch.tell, forms.settings)
        func conditions(
            _ found: [RaiseRule.Condition], of form: CompiledForm
        ) throws(FormDefinitionError) -> [CompiledForm.Condition] {
            try CompiledForm.conditions(
                found, of: form.definition, subject: watch.id, settings: forms.settings)
        }
        if let missing = watch.missing, let cutOff = forms.settings.cutOff(missing.after) {
            kind = .missing(form: form, cutOff: cutOff)
        } else if let beside = watch.beside, let finder = forms[beside.form] {
            kind = .beside(
                form: form, any: try conditions(beside.any, of: form), finder: finder,
                finds: try conditions(beside.finds, of: finder))
        } else if let names = watch.differs {
            let measures = try forms.measures(of: form)
            kind = .differs(
                form: form, measures: measures.filter { measure in names.contains(measure.field.name) })
        } else if let gap = watch.gap, let hours = forms.settings.span(gap.ahead) {
            kind = .gap(
                form: form, ahead: Milliseconds(hours) * 3_600_000,
                never: gap.never.flatMap { forms.settings.span($0) }.map { Milliseconds($0) * 3_600_000 })
        } else if let clock = watch.clock, let minutes = forms.settings.span(clock.back) {
            kind = .clock(back: Milliseconds(minutes) * 60_000)
        } else if let open = watch.open {
            kind = .open(try conditions(open, of: form))
        } else {
            throw refuse()
        }
    }
}

/// A step of telling, with its span.
struct CompiledTell: Sendable, Hashable {
    var step: TellStep
    var after: Milliseconds

    static func steps(_ steps: [TellStep]?, _ settings: Settings) -> [CompiledTell] {
        (steps ?? []).map { step in
            let minutes = step.after.flatMap { settings.span($0) } ?? 0
            return CompiledTell(step: step, after: Milliseconds(minutes) * 60_000)
        }
    }
}

extension CompiledCatalog {
    /// Forms whose records wait for an answer.
    public var raisedForms: [RaisedForm] {
        forms.compactMap { form in
            let isRaised =
                !(form.definition.watches ?? []).isEmpty
                || forms.contains { other in
                    (other.definition.rules ?? []).contains {
                        $0.raise.utf8.elementsEqual(form.definition.form.utf8)
                    }
                }
            return isRaised ? RaisedForm(form.definition) : nil
        }
    }

    /// Whether the rule looks across records or at the clock, so that a hub alone evaluates it.
    public func isOfWatch(rule id: String) -> Bool { watches.contains { $0.id.utf8.elementsEqual(id.utf8) } }

    /// Whether somebody is to be woken by a record that this rule raised, or that a person wrote.
    public func isUrgent(rule id: String, raised form: String) -> Bool {
        if let watch = watches.first(where: { $0.id.utf8.elementsEqual(id.utf8) }) { return watch.isUrgent }
        return watches.contains { watch in
            if case .open = watch.kind { return watch.isUrgent && watch.raises.definition.form == form }
            return false
        }
    }

    /// Who is told of a record, one after the other: as the rule that raised it says, else its form.
    func tells(rule id: String, raised form: String) -> [CompiledTell] {
        let own =
            watches.first { $0.id.utf8.elementsEqual(id.utf8) && !$0.tell.isEmpty }?.tell
            ?? forms.lazy.flatMap { $0.definition.rules ?? [] }
            .first { $0.id.utf8.elementsEqual(id.utf8) && $0.tell != nil }
            .map { CompiledTell.steps($0.tell, settings) }
        if let own { return own }
        for watch in watches {
            if case .open = watch.kind, watch.raises.definition.form.utf8.elementsEqual(form.utf8) {
                return watch.tell
            }
        }
        return []
    }
}
