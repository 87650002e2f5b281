public import Forms
public import SyncCore
import Synchronization

/// Values as people and exports read them.
public enum RecordText {
    private static let known = Mutex(FormCatalog.builtIn)

    /// Keys are read by these forms from now on.
    public static func read(by forms: FormCatalog) { known.withLock { $0 = forms } }

    static var forms: FormCatalog { known.withLock { $0 } }

    /// By the form's type: dates as YYYY-MM-DD, booleans as true and false, lists with semicolons.
    public static func text(_ value: Value, as type: FieldType? = nil) -> String {
        switch value {
        case .notStated: return ""
        case .integer(let number):
            switch type {
            case .boolean: return number == 1 ? "true" : "false"
            case .date: return CivilDay.text(Int32(clamping: number))
            case .time: return time(number)
            default: return "\(number)"
            }
        case .decimal(let unscaled, let scale): return CellText.text(decimal: unscaled, scale: scale)
        case .text(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .list(let items): return items.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ";")
        }
    }

    /// A record's key with a space between its values, read by its form where that is known.
    public static func text(_ key: RecordKey) -> String {
        let types = forms[key.form]?.keys.map(\.type) ?? []
        return key.values.enumerated().map { index, value in
            text(value, as: index < types.count ? types[index] : nil)
        }.joined(separator: " ")
    }

    /// UTC with a Z, for scripts; any number of milliseconds is a time, however far from the calendar.
    public static func time(_ time: Milliseconds) -> String {
        let (day, second) = TimeText.parts(time)
        return CivilDay.text(Int32(clamping: day)) + "T" + TimeText.clock(second) + "Z"
    }

    /// Sixteen hexadecimal digits, a slash and the sequence.
    public static func text(_ dot: Dot) -> String { "\(origin(dot.origin))/\(dot.sequence)" }

    public static func origin(_ origin: OriginID) -> String {
        let digits = String(origin, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
