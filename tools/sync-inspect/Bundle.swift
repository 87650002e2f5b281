import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

/// A value that says nothing about anybody: numbers, times, hashes, and words of this program's own.
indirect enum BundleValue: Encodable {
    case number(Int64)
    case fraction(Double)
    case flag(Bool)
    case time(Milliseconds)
    case word(BundleWord)
    case list([BundleValue])
    case map([String: BundleValue])

    func encode(to encoder: any Encoder) throws {
        var single = encoder.singleValueContainer()
        switch self {
        case .number(let number): try single.encode(number)
        case .fraction(let number): try single.encode(number)
        case .flag(let flag): try single.encode(flag)
        case .time(let time): try single.encode(RecordText.time(time))
        case .word(let word): try single.encode(word.text)
        case .list(let values): try single.encode(values)
        case .map(let values): try single.encode(values)
        }
    }

    /// What kind each place holds, and how often: `sessions[].began` time 12.
    func contents(_ path: String, _ found: inout [String: (kind: String, count: Int)]) {
        switch self {
        case .number, .fraction: note("number", path, &found)
        case .flag: note("flag", path, &found)
        case .time: note("time", path, &found)
        case .word: note("word of the program's own", path, &found)
        case .list(let values): for value in values { value.contents(path + "[]", &found) }
        case .map(let values):
            for (name, value) in values {
                value.contents(path.isEmpty ? name : path + "." + name, &found)
            }
        }
    }

    private func note(
        _ kind: String, _ path: String, _ found: inout [String: (kind: String, count: Int)]
    ) {
        found[path] = (kind, (found[path]?.count ?? 0) + 1)
    }
}

/// A word that cannot be anybody's: it stands in this program, or is made of digits of a hash.
struct BundleWord: Hashable {
    let text: String

    init(_ text: StaticString) { self.text = "\(text)" }

    /// One of a list that this program has; else `other`.
    init(_ text: String, among known: [String]) {
        self.text = known.first { $0.utf8.elementsEqual(text.utf8) } ?? "other"
    }

    init(_ form: String, in forms: FormCatalog) {
        self.init(form, among: FormCatalog.builtIn.definitions.map(\.form))
    }

    /// A case's name.
    init<Kind: RawRepresentable<String>>(_ kind: Kind) { text = kind.rawValue }
    init(_ lane: Lane) { text = lane == .urgent ? "urgent" : "routine" }

    /// An origin's number: a hash.
    init(_ origin: OriginID) { text = RecordText.origin(origin) }

    /// `NAME 0.1.0` of one of the programs; else `other`.
    init(program: String) {
        let parts = program.split(separator: " ", omittingEmptySubsequences: false)
        let names = ["branch-agent", "aggregator", "sync-inspect"]
        let isKnown =
            parts.count == 2 && names.contains(String(parts[0])) && parts[1].utf8.count <= 16
            && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
        text = isKnown ? program : "other"
    }

    /// How a session ended: a number or a known word.
    init(ending: String) {
        if let code = UInt16(ending) {
            self.init(digits: code)
        } else {
            self.init(
                ending,
                among: ["done", "lost", "cut", "unreachable", "no_secure_connection", "wrong_hub_key"]
                    + StoreError.Code.allCases.map(\.rawValue))
        }
    }

    private init(digits: UInt16) { text = "\(digits)" }

    /// A reason of a verdict; other hubs may say anything.
    init(reason: String) {
        self.init(reason, among: BundleWord.reasons)
    }

    private static let reasons = [
        "malformed_row", "unknown_person", "not_on_register", "bad_date", "date_out_of_period", "bad_time",
        "recorded_before_day", "submitted_before_day", "temperature_not_a_number",
        "temperature_out_of_range", "bad_symptom_value", "bad_text", "bad_value", "partial_group",
        "too_many_siblings", "too_many_names", "held_already", "revoked_device", "delivered_before", "trap",
        "listed_twice",
        "form_not_writable", "unknown_form", "unknown_field", "wrong_kind", "wrong_retention_class",
        "out_of_range", "missing_key", "missing_value", "not_a_choice", "too_large", "unknown_unit",
        "outside_unit", "stated_after_authored", "retention_over", "taken_by_phone", "clock_untrusted",
    ]
}
