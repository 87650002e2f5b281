import Foundation
import LinkKit
import Testing

/// A branch behind a link, with something that waits, and `sync-inspect` to look at it.
final class InspectScene: @unchecked Sendable {
    struct Checkup: Decodable {
        struct Step: Decodable {
            var name: String
            var outcome: String
            var words: String
            var next: String?
        }

        var steps: [Step]
    }

    struct Sessions: Decodable {
        struct Session: Decodable {
            var ending: String
            var welcomed: Bool
            var tries: Int
            var versionsUp: Int
            var program: String?
        }

        var sessions: [Session]
    }

    let crowd: Crowd
    let proxy: EmulatedLink
    let day = Date(timeIntervalSinceNow: 8 * 3_600).ISO8601Format().prefix(10)

    var hub: String { crowd.place.path("hub") }

    init(branches: Int = 1) async throws {
        crowd = try await Crowd(branches: branches, persons: 5, days: 1)
        try await crowd.open()
        proxy = try EmulatedLink(to: crowd.port)
        try await crowd.join("B000", through: proxy.port)
        try await add("S000000", "38.6")
    }

    func add(_ person: String, _ temperature: String, at branch: String = "B000") async throws {
        try await crowd.branch(
            branch, "add", "check-in", "day=\(day)", "person=\(person)", "temperature=\(temperature)",
            "remark=Somebody Secret")
    }

    @discardableResult func sync(
        _ more: String..., at branch: String = "B000", expecting codes: Set<Int32> = [0]
    ) async throws -> Outcome {
        try await crowd.place.run(
            "branch-agent", ["sync", "--data", crowd.data(branch)] + more, expecting: codes)
    }

    func inspect(
        _ words: String..., at folder: String? = nil, expecting codes: Set<Int32> = [0],
        environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await crowd.place.run(
            "sync-inspect", words + ["--data", folder ?? crowd.data("B000")], expecting: codes,
            environment: environment)
    }

    /// A step of `doctor --offline`, as people read it, and what is to be done.
    func step(
        _ name: String, at folder: String? = nil, environment: [String: String] = [:]
    ) async throws -> (outcome: String, words: String, next: String)? {
        let checkup: Checkup = try await inspect(
            "doctor", "--offline", "--json", at: folder, expecting: [0, 1], environment: environment
        ).json()
        return checkup.steps.last { $0.name == name }.map { ($0.outcome, $0.words, $0.next ?? "") }
    }

    /// The step of `doctor` that stopped, as people read it, and what is to be done.
    func trouble(_ name: String) async throws -> (words: String, next: String) {
        let checkup: Checkup = try await inspect("doctor", "--json", expecting: [1]).json()
        let step = try #require(
            checkup.steps.first { $0.name == name && $0.outcome == "trouble" }, "\(checkup)")
        return (step.words, step.next ?? "")
    }

    func explain(_ person: String = "S000000", at folder: String? = nil) async throws -> String {
        try await inspect("explain", "check-in", "\(day)", person, at: folder).output
    }
}
