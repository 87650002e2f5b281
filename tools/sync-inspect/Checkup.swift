import Console

/// What `doctor` found, step by step.
struct Checkup: Encodable {
    enum Outcome: String, Encodable { case ok, note, trouble, skipped }

    struct Step: Encodable {
        /// A word for scripts, such as `clock`.
        var name: String
        var outcome: Outcome
        var words: String
        /// What to do; absent where there is nothing to do.
        var next: String?

        init(_ name: String, _ outcome: Outcome, _ words: Words, next: Words? = nil) {
            self.name = name
            self.outcome = outcome
            self.words = words.text()
            self.next = next?.text()
        }
    }

    /// `agent`, `hub` or `unknown`.
    var store: String
    var steps: [Step] = []

    mutating func add(_ step: Step) { steps.append(step) }

    mutating func ok(_ name: String, _ words: Words) { add(Step(name, .ok, words)) }

    mutating func note(_ name: String, _ words: Words, next: Words? = nil) {
        add(Step(name, .note, words, next: next))
    }

    mutating func trouble(_ name: String, _ words: Words, next: Words) {
        add(Step(name, .trouble, words, next: next))
    }

    var isWell: Bool { !steps.contains { $0.outcome == .trouble } }

    func lines() -> [String] {
        var lines: [String] = []
        for step in steps {
            lines.append("\(Checkup.mark(step.outcome)) \(step.words)")
            if let next = step.next {
                lines.append(Words("     next: \(next)", zh: "     下一步：\(next)").text())
            }
        }
        let troubles = steps.count { $0.outcome == .trouble }
        lines.append(
            troubles == 0
                ? Words("nothing is wrong that can be seen from here", zh: "从此处未发现问题").text()
                : Words(
                    "troubles found: \(troubles); begin with the first one",
                    zh: "发现 \(troubles) 处问题；请从第一处开始处理"
                ).text())
        return lines
    }

    private static func mark(_ outcome: Outcome) -> String {
        switch outcome {
        case .ok: Paint.green("[ok]")
        case .note: Paint.yellow("[--]")
        case .trouble: Paint.red("[!!]")
        case .skipped: "[  ]"
        }
    }
}
