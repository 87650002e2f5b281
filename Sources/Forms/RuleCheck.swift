import SyncCore

extension FormDefinition {
    /// What is wrong with the form's rules as far as the form alone shows.
    var ownFaults: [RuleFault] {
        var faults: [RuleFault] = []
        func add(_ rule: String, _ member: String, _ code: RuleFault.Code) {
            faults.append(RuleFault(form: form, rule: rule, member: member, code: code))
        }
        var seen: Set<[UInt8]> = []
        for id in (rules ?? []).map(\.id) + (watches ?? []).map(\.id) {
            if id.isEmpty || !seen.insert(Array(id.utf8)).inserted { add(id, "id", .twice) }
        }
        for watch in watches ?? [] {
            let parts = [
                watch.missing != nil, watch.beside != nil, watch.differs != nil, watch.gap != nil,
                watch.clock != nil, watch.open != nil,
            ]
            if parts.count(where: { $0 }) != 1 { add(watch.id, "", .oneOf) }
            if let level = watch.level, !["urgent", "routine"].contains(level) {
                add(watch.id, "level", .badLevel)
            }
            if RaisedForm(self) == nil { add(watch.id, "", .notRaisable) }
            for condition in watch.open ?? [] where field(named: condition.field) == nil {
                add(watch.id, "open", .unknownField)
            }
        }
        if let post {
            let names = [post.unit, post.from, post.to, post.person]
            let others = [post.phone, post.order, post.leader, post.role].compactMap { $0 }
            for name in names + others where type(named: name) == nil { add("post", name, .unknownField) }
            if type(named: post.unit) != .unit { add("post", "unit", .badKeys) }
            for name in [post.from, post.to] where type(named: name) != .time && type(named: name) != .date {
                add("post", name, .badCondition)
            }
        }
        return faults
    }

    /// Everything that is wrong with the form's rules, posts and what they refer to, in the order in which it
    /// stands there.
    ///
    /// - Parameter catalog: the forms that are there, this one among them or not.
    public func ruleFaults(in catalog: FormCatalog, settings: Settings = Settings()) -> [RuleFault] {
        var faults = ownFaults
        let lookUp = { (name: String?) -> FormDefinition? in
            guard let name, !name.utf8.elementsEqual(self.form.utf8) else { return self }
            return catalog[name]
        }
        let names = (catalog.definitions.map(\.form) + [form]).reduce(into: [String]()) { names, name in
            if !names.contains(name) { names.append(name) }
        }
        for rule in rules ?? [] {
            var check = RuleChecker(form: form, rule: rule.id, settings: settings, forms: names)
            check.conditions(rule.any, of: self, "any")
            check.raise(rule, of: self, lookUp(rule.raise))
            check.tell(rule.tell, catalog, self)
            faults += check.faults
        }
        for watch in watches ?? [] {
            var check = RuleChecker(form: form, rule: watch.id, settings: settings, forms: names)
            check.watch(watch, of: lookUp(watch.of), in: self, lookUp)
            check.tell(watch.tell, catalog, self)
            faults += check.faults
        }
        return faults
    }
}

/// Looks through one rule.
private struct RuleChecker {
    let form: String
    let rule: String
    let settings: Settings
    let forms: [String]
    var faults: [RuleFault] = []

    private static let spans = [
        "answerMinutes", "attendMinutes", "arrivalMinutes", "dutyAheadHours", "0...1000000",
    ]
    private static let hours = ["checkInCutoff", "reportCutoff", "00:00...23:59"]

    mutating func add(
        _ member: String, _ code: RuleFault.Code, _ word: String? = nil, allowed: [String] = []
    ) {
        faults.append(
            RuleFault(form: form, rule: rule, member: member, code: code, word: word, allowed: allowed))
    }

    mutating func conditions(
        _ conditions: [RaiseRule.Condition], of definition: FormDefinition, _ member: String
    ) {
        if conditions.isEmpty { add(member, .badCondition) }
        for condition in conditions {
            guard let field = definition.field(named: condition.field) else {
                add(
                    "\(member).\(condition.field)", .unknownField, condition.field,
                    allowed: definition.fields.map(\.name))
                continue
            }
            let compiled = try? CompiledForm.conditions(
                [condition], of: definition, subject: rule, settings: settings)
            if compiled?.count != 1 { add("\(member).\(field.name)", .badCondition) }
            if let wanted = condition.equals, let choices = field.choices,
                !choices.contains(where: { $0.utf8.elementsEqual(wanted.utf8) })
            {
                add("\(member).\(field.name)", .badCondition, wanted, allowed: choices)
            }
        }
    }

    mutating func raise(_ rule: RaiseRule, of definition: FormDefinition, _ raised: FormDefinition?) {
        guard let raised else { return add("raise", .unknownForm, rule.raise, allowed: forms) }
        guard RaisedForm(raised) != nil else { return add("raise", .notRaisable, rule.raise) }
        for key in raised.keys where key.name != "rule" && definition.keyIndex(key.name) == nil {
            add("raise", .badKeys, rule.raise, allowed: raised.keys.map(\.name).filter { $0 != "rule" })
        }
    }

    mutating func tell(_ steps: [TellStep]?, _ catalog: FormCatalog, _ own: FormDefinition) {
        for (index, step) in (steps ?? []).enumerated() {
            if let after = step.after, settings.span(after) == nil {
                add("tell.\(index + 1).after", .unknownSetting, after, allowed: RuleChecker.spans)
            }
            let posts = (catalog.definitions + [own]).compactMap(\.post)
            if !posts.contains(where: { ($0.role != nil) == (step.role != nil) }) {
                add("tell.\(index + 1)", .noPost)
            }
        }
    }

    mutating func watch(
        _ watch: WatchRule, of subject: FormDefinition?, in raised: FormDefinition,
        _ lookUp: (String?) -> FormDefinition?
    ) {
        guard let subject else { return add("of", .unknownForm, watch.of, allowed: forms) }
        if watch.open == nil, !CompiledWatch.fits(raised) {
            add("", .badKeys, allowed: ["day", "rule", "unit", "about"])
        }
        let hasDay = subject.keys.contains { $0.type == .date }
        let hasUnit = subject.keys.contains { $0.type == .unit }
        if let missing = watch.missing {
            if settings.cutOff(missing.after) == nil {
                add("missing.after", .unknownSetting, missing.after, allowed: RuleChecker.hours)
            }
            if !hasDay || !(hasUnit || subject.keys.contains { $0.type == .person }) {
                add("missing", .badKeys, allowed: ["date", "person|unit"])
            }
        }
        if watch.beside != nil || watch.differs != nil, !hasDay || !hasUnit {
            add("of", .badKeys, watch.of, allowed: ["date", "unit"])
        }
        if let beside = watch.beside {
            conditions(beside.any, of: subject, "beside.any")
            if let other = lookUp(beside.form) {
                let fits = [FieldType.date, .person].allSatisfy { type in
                    other.keys.contains { $0.type == type }
                }
                if !fits { add("beside.form", .badKeys, beside.form, allowed: ["date", "person"]) }
                conditions(beside.finds, of: other, "beside.finds")
            } else {
                add("beside.form", .unknownForm, beside.form, allowed: forms)
            }
        }
        spans(watch, of: subject)
        if let open = watch.open { conditions(open, of: raised, "open") }
    }

    private mutating func spans(_ watch: WatchRule, of subject: FormDefinition) {
        for name in watch.differs ?? [] {
            guard let field = subject.field(named: name) else {
                add("differs.\(name)", .unknownField, name, allowed: subject.fields.map(\.name))
                continue
            }
            let computed = subject.fields.filter { $0.computed != nil }.map(\.name)
            if field.computed == nil { add("differs.\(name)", .notComputed, name, allowed: computed) }
        }
        if let gap = watch.gap {
            for (member, span) in [("gap.ahead", gap.ahead), ("gap.never", gap.never ?? gap.ahead)]
            where settings.span(span) == nil {
                add(member, .unknownSetting, span, allowed: RuleChecker.spans)
            }
            if subject.post == nil || subject.post?.role != nil { add("of", .noPost, watch.of) }
        }
        if let clock = watch.clock, settings.span(clock.back) == nil {
            add("clock.back", .unknownSetting, clock.back, allowed: RuleChecker.spans)
        }
    }
}
