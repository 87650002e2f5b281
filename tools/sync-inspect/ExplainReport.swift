import Console
import Forms
import SyncCore
import SyncStore

/// One record's life, version by version, and where it stands now.
struct ExplainReport: StoreReport {
    /// Something that happened to a version.
    struct Step: Encodable {
        /// UTC; nil where the time was not kept.
        var at: String?
        /// `written`, `checked`, `queued`, `tried`, `receipted`, `backed_up`, `arrived`, `quarantined`,
        /// `noted`, `released`, `held_already`, `taken_by_phone`, `fed`.
        var what: String
        var words: String
        fileprivate var time: Milliseconds?

        private enum CodingKeys: String, CodingKey { case at, what, words }

        init(_ what: String, at time: Milliseconds?, _ words: Words) {
            self.what = what
            self.time = time
            at = time.map(RecordText.time)
            self.words = words.text()
        }
    }

    struct Version: Encodable {
        var dot: String
        var lane: String?
        var device: String?
        var steps: [Step]
        /// What became of its fields, by outcome; see `record`.
        var outcomes: [String: [String]]
        /// Versions that replaced it, and the rule.
        var fates: [String]
    }

    /// Where a record stands, the first that applies.
    enum State: String, Encodable {
        case unknown, quarantined, conflict, waiting, takenByPhone = "taken_by_phone", receipted, arrived,
            deleted, foreign
    }

    var store: String
    var form: String
    var key: [String]
    var state: State
    /// Where it stands and why.
    var cause: String
    /// What is to be done, and by whom.
    var next: String
    var versions: [Version]
    var damaged: [Damages.Entry]
}

/// As people read it.
extension ExplainReport {
    func lines(_ times: TimeText) -> [String] {
        var lines = [
            "\(form) \(key.joined(separator: " "))",
            Words("now: \(cause)", zh: "现状：\(cause)").text(),
            Words("next: \(next)", zh: "下一步：\(next)").text(),
        ]
        for version in versions {
            lines.append("")
            let lane = version.lane.map { $0 == "urgent" ? Lane.urgent.words : Lane.routine.words }
            lines.append(
                ([Words("version \(version.dot)", zh: "版本 \(version.dot)").text()]
                    + [version.device, lane?.text()].compactMap { $0 }).joined(separator: ", "))
            var table = TextTable(["  " + Words("when (\(times.name))", zh: "时间（\(times.name)）").text(), ""])
            for step in version.steps {
                table.add(["  " + (step.time.map(times.text) ?? "-"), step.words])
            }
            lines += table.lines()
            lines += version.fates.map { "  " + $0 }
        }
        return lines
    }
}

/// What became of a version's fields, in words.
enum FateWords {
    static func lines(_ entry: History.Entry, _ masking: Masking, isBranch: Bool = false) -> [String] {
        let form = entry.version.key.form
        var groups: [(Words, [String])] = []
        for fate in entry.fates where fate.field != RecordState.existence {
            let words = words(fate, isBranch: isBranch)
            let name = masking.shownName(of: fate.field, in: form)
            if let index = groups.firstIndex(where: { $0.0 == words }) {
                groups[index].1.append(name)
            } else {
                groups.append((words, [name]))
            }
        }
        return groups.map { "\($0.0.text()): \($0.1.joined(separator: ", "))" }
    }

    static func outcomes(_ entry: History.Entry, _ masking: Masking) -> [String: [String]] {
        var outcomes: [String: [String]] = [:]
        for fate in entry.fates {
            outcomes[fate.outcome.rawValue, default: []].append(
                masking.name(of: fate.field, in: entry.version.key.form))
        }
        return outcomes
    }

    private static func words(_ fate: History.Fate, isBranch: Bool) -> Words {
        let policy = CodeWords.policy(fate.policy.rawValue)
        switch fate.outcome {
        case .inForce: return VersionReport.inForce(isBranch: isBranch)
        case .same: return Words("says the same as what is in force", zh: "与生效值相同")
        case .merged:
            return Words("among what is in force (rule \(policy.en))", zh: "已并入生效值（规则：\(policy.zh)）")
        case .inQuestion:
            return Words("in question: its author and another had not seen each other", zh: "有冲突：双方作者互不知情")
        case .overruled:
            return Words("set aside by the rule \(policy.en)", zh: "按“\(policy.zh)”的规则未采用")
        case .replaced:
            let by = fate.by.map { RecordText.text($0) }.joined(separator: ", ")
            return Words("replaced by \(by), whose author was shown it", zh: "已被 \(by) 取代（其作者已见过它）")
        case .heldBack: return Words("held back, does not count", zh: "已扣留，不计入")
        }
    }
}
