import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

struct DataOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The folder that holds the branch's or the hub's store.", zh: "支部或汇总端的数据目录。"))
    var data: String
}

/// A store of either kind, opened for looking only, beside whatever program runs on it.
enum StoreAtHand {
    case agent(SQLiteAgentStore)
    case hub(SQLiteHubStore)

    /// - Throws: ``Failure`` with `.noInput` when there is no store that can be read.
    ///
    /// - Parameters:
    ///   - hashing: for whoever looks at hashes.
    ///   - verifying: for whoever looks at signatures.
    init(
        _ folder: String, hashing: Hashing = Hashing { _ in .zero },
        verifying: Verifying = Verifying { _, _, _ in false }
    ) throws {
        try Files.requireEntry(folder)
        do {
            self = .agent(
                try SQLiteAgentStore(readingFrom: folder, hashing: hashing, verifying: verifying))
        } catch let error as StoreError where error.code == .notAStore {
            do {
                let means = HubMeans(
                    hashing: hashing, verifying: verifying,
                    signing: Signing(publicKey: []) { _ in
                        throw StoreError(.inputOutput, "opened for reading only")
                    }, zone: { LocalZone(identifier: $0) }, random: { .zero })
                self = .hub(try SQLiteHubStore(readingFrom: folder, means: means))
            } catch let error as StoreError {
                throw StoreAtHand.failure(error, folder)
            }
        } catch let error as StoreError {
            throw StoreAtHand.failure(error, folder)
        }
    }

    private static func failure(_ error: StoreError, _ folder: String) -> any Error {
        switch error.code {
        case .notAStore:
            Failure(
                .noInput,
                Words(
                    "\(folder) holds no store of a branch or a hub; --data names the folder that "
                        + "`branch-agent` or "
                        + "`aggregator` was given",
                    zh: "\(folder) 中没有支部或汇总端的数据；--data 应为 branch-agent 或 aggregator 所用的目录"))
        case .denied:
            Failure(
                .noInput,
                Words(
                    "the store in \(folder) cannot be read (\(error.file)): "
                        + "\(SystemWords.reason(error.systemError).en). Looking into it makes a file beside "
                        + "it: work as its owner, or copy the folder to where you may write, and look at the "
                        + "copy",
                    zh: "无法读取 \(folder) 中的数据（\(error.file)）：\(SystemWords.reason(error.systemError).zh)。"
                        + "查看时须在其旁建立文件：请以其所有者的身份运行，或把该目录复制到可写的位置后查看副本"))
        // Whoever runs it may say more of these than the words alone.
        case .tooOld, .tooNew: error
        default: Program.failure(for: error)
        }
    }

    /// What is left of personal fields: it is written down who looked at them, and this program only reads.
    ///
    /// - Throws: ``Failure`` with `.usage` where they are asked for.
    func masking(_ forms: FormCatalog, unmask: Bool) throws -> Masking {
        if unmask { throw isWrittenDown }
        return Masking(forms: forms, unmask: false)
    }

    private var isWrittenDown: Failure {
        var program = "branch-agent"
        if case .hub = self { program = "aggregator" }
        return Failure(
            .usage,
            Words(
                "it is written down who looks at personal fields and why, and this program only reads: "
                    + "`\(program) history FORM KEY --unmask --reason WHY` shows them",
                zh: "查看个人信息须记录查看人和原因，而本程序只读：请用 \(program) history 加 --unmask 和 --reason 原因"))
    }

    /// What is known of a record, with all versions of it that can be read.
    func record(
        _ key: RecordKey, _ damages: Damages
    ) throws -> (state: RecordState?, versions: [Version], around: RecordReport.Surroundings) {
        let state = Words("the record's state", zh: "记录的状态")
        switch self {
        case .agent(let store):
            let (versions, damaged) = try damages.attempt("version", Words("versions", zh: "版本"), ([], [])) {
                try store.readableVersions(of: key)
            }
            for dot in damaged {
                let name = RecordText.text(dot)
                damages.note(
                    "version", Words("version \(name)", zh: "版本 \(name)"), "its bytes do not read")
            }
            let verdicts = try damages.attempt("verdict", Words("what the centre said", zh: "中心判定"), []) {
                try versions.flatMap { try store.verdicts(of: $0.dot) }
            }
            let own = Set((try store.origins() + store.closedOrigins()).map(\.id))
            return (
                try damages.attempt("record", state, nil) { try store.record(key) }, versions,
                RecordReport.Surroundings(verdicts: verdicts, isBranch: true) { origin in
                    own.contains(origin) ? Words("this device", zh: "本机") : nil
                }
            )
        case .hub(let store):
            let versions = try damages.attempt("segment", Words("versions", zh: "版本"), []) {
                try store.versions(of: key)
            }
            let verdicts = try versions.flatMap { try store.verdicts(on: $0.dot) }
            let origins = Set(versions.map(\.dot.origin))
            var devices: [OriginID: Words] = [:]
            for origin in origins {
                devices[origin] = DeviceWords.words(for: try store.device(of: origin), isHere: true)
            }
            return (
                try damages.attempt("record", state, nil) { try store.record(key) }, versions,
                RecordReport.Surroundings(
                    verdicts: verdicts, heldBack: DeviceWords.heldBack(verdicts)
                ) { devices[$0] }
            )
        }
    }

    /// The chain head of an origin there; nil where the store does not hold it.
    func head(of origin: OriginID, at sequence: UInt64) throws -> Digest? {
        switch self {
        case .agent(let agent): try agent.ownHead(of: origin, at: sequence)
        case .hub(let hub): try hub.head(of: origin, at: sequence)
        }
    }

    /// The committee's settings; nil where the store does not know them.
    func settings() -> Settings? {
        switch self {
        case .agent(let store):
            (try? store.configuration()).flatMap { configuration in
                try? JSONDecoder().decode(Settings.self, from: Data(configuration.settings))
            }
        case .hub(let store): try? store.settings()
        }
    }

    /// The committee's local time; UTC where the store does not know it.
    func times() -> TimeText { TimeText(zone: settings()?.timeZone ?? "UTC") }

    /// The built-in forms, and those that came down to a branch.
    func forms() throws -> FormCatalog {
        let store: SQLiteAgentStore
        switch self {
        case .agent(let agent): store = agent
        case .hub(let hub): return try hub.forms()
        }
        let more = try store.forms().compactMap { try? FormCatalog.decode($0) }
        // What is no revision of the form that it names is left out, as the branch itself leaves it out.
        return more.reduce(.builtIn) { catalog, form in (try? catalog.adding(form)) ?? catalog }
    }
}

/// Times as reports show them.
enum Now {
    static func milliseconds() -> Milliseconds { Milliseconds(Date().timeIntervalSince1970 * 1_000) }

    /// "3 h 20 min" and the like; a clock that went backwards gives 0.
    static func age(_ milliseconds: Milliseconds) -> Words { TimeText.span(max(0, milliseconds)) }
}
