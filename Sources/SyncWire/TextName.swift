/// An entry of a table while entries are sorted: by bytes, the shorter one first, equal ones as they stand.
struct TextName: Comparable {
    let text: UnsafeRawBufferPointer
    let entry: UInt32
    /// The first bytes behind what all have in common, zeros behind the end: most pairs differ there.
    private var head: UInt64 = 0

    init(text: UnsafeRawBufferPointer, entry: UInt32) {
        self.text = text
        self.entry = entry
    }

    /// Finds out what all have in common.
    static func shorten(_ names: inout [TextName]) {
        guard let first = names.first?.text else { return }
        var common = first.count
        for name in names {
            common = min(common, name.text.count)
            for at in 0..<common where name.text[at] != first[at] {
                common = at
                break
            }
        }
        for place in names.indices {
            let text = names[place].text
            var head: UInt64 = 0
            for at in common..<(common + 8) { head = head &<< 8 | (at < text.count ? UInt64(text[at]) : 0) }
            names[place].head = head
        }
    }

    static func < (left: TextName, right: TextName) -> Bool {
        if left.head != right.head { return left.head < right.head }
        let common = min(left.text.count, right.text.count)
        for at in 0..<common where left.text[at] != right.text[at] { return left.text[at] < right.text[at] }
        return (left.text.count, left.entry) < (right.text.count, right.entry)
    }

    static func == (left: TextName, right: TextName) -> Bool { left.entry == right.entry }
}
