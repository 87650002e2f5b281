import Console
import Forms
import SyncCore
import SyncStore

/// People of whom something was entered and whom the register here does not have. It is taken all the same;
/// who typed it is told while the paper still lies there.
enum UnknownPeople {
    /// So many are named.
    private static let listed = 10

    /// Each once, in the order in which they come. Nobody, as long as no register has come here.
    static func among(
        _ keys: some Sequence<RecordKey>, _ form: CompiledForm, _ context: AgentContext
    ) throws -> [String] {
        guard let place = form.definition.keys.firstIndex(where: { $0.type == .person }),
            try !context.store.records(form: BuiltIn.person, after: nil, limit: 1).isEmpty
        else { return [] }
        var seen: Set<Value> = []
        var unknown: [String] = []
        for key in keys where place < key.values.count && seen.insert(key.values[place]).inserted {
            let person = RecordKey(form: BuiltIn.person, values: [key.values[place]])
            let known = try context.store.record(person)?.effective(
                under: context.forms[BuiltIn.person]?.mergeRules ?? .latest)
            if known?.exists != true, let name = key.values[place].string { unknown.append(name) }
        }
        return unknown
    }

    static func words(_ people: [String], unit: String) -> Words {
        let unit = Output.printable(unit)
        let named = people.prefix(listed).map(Output.printable).joined(separator: ", ")
        let names = people.count > listed ? named + " (+\(people.count - listed))" : named
        return Words(
            "the register of this branch does not know \(names). Look whether the id is right: "
                + "correct it, or ask the centre to put the person on the register. What was entered is "
                + "kept and sent, and an alert of it goes to who is on duty for \(unit)",
            zh: "本支部登记册中没有 \(names)。请核对编号：有误请更正，无误请联系中心补登。已填内容照常保存并发送，"
                + "其预警通知 \(unit) 的值班人员")
    }
}
