import FoundationEssentials
import SyncCore

/// The boards of the program, and those that the committee published.
public struct BoardCatalog: Sendable, Hashable {
    public let definitions: [BoardDefinition]

    public init(_ definitions: [BoardDefinition]) { self.definitions = definitions }

    public subscript(board: String) -> BoardDefinition? {
        definitions.first { $0.board.utf8.elementsEqual(board.utf8) }
    }

    /// The boards of `Protocol/boards`.
    public static let builtIn = BoardCatalog(builtInSources.compactMap { try? decode($0) })

    static let builtInSources: [[UInt8]] = [
        PackageResources.coverage_json, PackageResources.reports_json, PackageResources.alerts_json,
        PackageResources.silence_json, PackageResources.concerns_json,
    ]

    public static func decode(_ json: [UInt8]) throws -> BoardDefinition {
        try JSONDecoder().decode(BoardDefinition.self, from: Data(json))
    }

    /// With a board that came later: a higher revision stands in the place of a lower one.
    public func adding(_ board: BoardDefinition) -> BoardCatalog {
        guard let known = self[board.board] else { return BoardCatalog(definitions + [board]) }
        guard board.revision > known.revision else { return self }
        return BoardCatalog(definitions.map { $0.board == known.board ? board : $0 })
    }

    /// Those of the brief of the day, in their order.
    public var brief: [BoardDefinition] {
        definitions.filter { $0.order != nil }.sorted {
            ($0.order ?? 0, $0.board) < ($1.order ?? 0, $1.board)
        }
    }
}

/// A board's file, checked before it is published.
public enum BoardCheck {
    public static func check(
        _ json: [UInt8], catalog: CompiledCatalog, known: BoardDefinition?
    ) -> Result<BoardDefinition, DefinitionMistakes> {
        guard json.count <= Limits.formDefinitionBytes else {
            return .failure(DefinitionMistakes([.tooLarge(json)]))
        }
        let root: JSONNode
        do {
            root = try JSONNode(parsing: json)
        } catch {
            return .failure(DefinitionMistakes([DefinitionMistake(.notJSON, "", at: error.place)]))
        }
        var check = DefinitionCheck()
        check.check(root, "board", is: shape)
        check.checkName(root["board"], sign: "-", longest: Limits.formNameBytes)
        if json.count > Limits.valueBytes {
            check.add(.tooLarge, "\(json.count)", at: root.place, allowed: ["\(Limits.valueBytes)"])
        }
        var seen: Set<[UInt8]> = []
        for id in (root["counts"]?.items ?? []).compactMap({ $0["id"] }) {
            check.checkName(id, sign: "_", longest: Limits.formNameBytes)
            guard let name = id.text, !seen.insert(Array(name.utf8)).inserted else { continue }
            check.add(.twice, name, at: id.place)
        }
        if !check.mistakes.isEmpty { return .failure(DefinitionMistakes(check.mistakes)) }
        do {
            let board = try BoardCatalog.decode(json)
            let before = known?.revision ?? 0
            let highest = before + FormCheck.highestStep
            if known != board, board.revision <= before || board.revision > highest {
                let place = root["revision"]?.place ?? root.place
                let mistake = DefinitionMistake(
                    .outOfBounds, "revision \(board.revision)", at: place,
                    allowed: ["\(before + 1)", "\(highest)"])
                return .failure(DefinitionMistakes([mistake]))
            }
            let found = BoardMeaning(board, root, catalog).mistakes
            if !found.isEmpty { return .failure(DefinitionMistakes(found)) }
            _ = try CompiledBoard(board, catalog: catalog)
            return .success(board)
        } catch let error as FormDefinitionError {
            let place = root.place(of: error.subject) ?? root.place
            return .failure(
                DefinitionMistakes([
                    DefinitionMistake(.refused, error.subject, at: place, allowed: [error.code.rawValue])
                ]))
        } catch {
            return .failure(DefinitionMistakes([DefinitionMistake(.refused, "\(error)", at: root.place)]))
        }
    }

    private typealias Member = DefinitionShape.Member

    private static let hours = DefinitionShape.word(["checkInCutoff", "reportCutoff"])

    private static let count = DefinitionShape.object([
        Member("id", .text, isRequired: true), Member("labels", .labels, isRequired: true),
        Member("people", .word(Measure.People.allCases.map(\.rawValue))),
        Member("units", .word(BoardDefinition.Units.allCases.map(\.rawValue))), Member("form", .text),
        Member("days", .number(0...36_600)), Member("ahead", .number(1...366)),
        Member("any", .list(FormCheck.condition, 1...64)),
        Member("all", .list(FormCheck.condition, 1...64)), Member("lateAfter", hours),
        Member("arrivedAfter", hours), Member("versions", .number(2...1_000)), Member("named", .boolean),
    ])

    static let shape = DefinitionShape.object([
        Member("board", .text, isRequired: true),
        Member("revision", .number(1...Int(Int32.max)), isRequired: true),
        Member("labels", .labels, isRequired: true), Member("order", .number(0...1_000)),
        Member("group", .text), Member("counts", .list(count, 1...64), isRequired: true),
        Member("columns", .list(.text, 0...64)), Member("link", .boolean),
    ])
}
