extension FormCheck {
    private typealias Member = DefinitionShape.Member

    private static let tell = DefinitionShape.object([
        Member("who", .word(["duty", "next", "leader"]), isRequired: true), Member("role", .text),
        Member("after", .text),
    ])

    static let rule = DefinitionShape.object([
        Member("id", .text, isRequired: true), Member("raise", .text, isRequired: true),
        Member("any", .list(condition, 1...64), isRequired: true), Member("advice", .labels),
        Member("tell", .list(tell, 1...16)),
    ])

    static let watch = DefinitionShape.object([
        Member("id", .text, isRequired: true), Member("level", .word(["urgent", "routine"])),
        Member("of", .text),
        Member("missing", .object([Member("after", .text, isRequired: true)])),
        Member(
            "beside",
            .object([
                Member("any", .list(condition, 1...64), isRequired: true),
                Member("form", .text, isRequired: true),
                Member("finds", .list(condition, 1...64), isRequired: true),
            ])),
        Member("differs", .list(.text, 1...62)),
        Member("gap", .object([Member("ahead", .text, isRequired: true), Member("never", .text)])),
        Member("clock", .object([Member("back", .text, isRequired: true)])),
        Member("open", .list(condition, 1...64)), Member("tell", .list(tell, 1...16)),
    ])

    static let post = DefinitionShape.object([
        Member("unit", .text, isRequired: true), Member("from", .text, isRequired: true),
        Member("to", .text, isRequired: true), Member("person", .text, isRequired: true),
        Member("phone", .text), Member("order", .text), Member("leader", .text), Member("role", .text),
    ])
}
