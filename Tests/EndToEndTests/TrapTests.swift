import Foundation
import Testing

#if DEBUG

    /// A hub that dies over one version, because a test has planted a trap there.
    @Suite struct TrapTests {
        /// As `sync-inspect queue --json` says it.
        struct Queue: Decodable {
            struct Entry: Decodable {
                var dot: String
                var form: String
                var key: [String]
                var verdicts: [String]
            }
            struct LaneQueue: Decodable { var entries: [Entry] }

            var lanes: [String: LaneQueue]
            var entries: [Entry] { lanes.values.flatMap(\.entries) }
        }

        struct HubQueue: Decodable {
            struct Quarantined: Decodable {
                var dot: String
                var reasons: [String]
            }

            var quarantined: [Quarantined]
        }

        struct Record: Decodable {
            struct Held: Decodable {
                var dot: String
                var verdicts: [String]
            }

            var exists: Bool
            var versions: [Held]
        }

        /// Two branches with a fortnight each: one has the version on which something is planted.
        private struct Story {
            let centre: Centre
            let victim: String
            let other: String
            let version: Queue.Entry
            /// The day and the person of the version.
            var day: String { version.key[0] }
            var person: String { version.key[1] }
            /// How the hub ended, each time that it did.
            var ends: [Int32] = []

            init() async throws {
                let centre = try await Centre()
                self.centre = centre
                let branches = centre.college.branches.filter { $0 != centre.college.words("refused_branch") }
                (victim, other) = (branches[0], branches[1])
                try await centre.open()
                for branch in [victim, other] {
                    try await centre.join(branch)
                    try await centre.importSheets(of: branch)
                }
                let queued = try await Story.queue(centre, victim).lanes["routine"]?.entries ?? []
                // A person with one version that day, neither first nor last.
                let once = queued.filter { entry in
                    entry.form == "check-in" && queued.filter { $0.key == entry.key }.count == 1
                }
                version = try #require(once.dropFirst(once.count / 3).first)
                try await centre.close()
            }

            static func queue(_ centre: Centre, _ branch: String) async throws -> Queue {
                try await centre.place.run(
                    "sync-inspect", ["queue", "--all", "--json", "--data", centre.data(branch)]
                ).json()
            }

            func quarantined() async throws -> [HubQueue.Quarantined] {
                let hub: HubQueue = try await centre.place.run(
                    "sync-inspect", ["queue", "--json", "--data", centre.place.path("hub")]
                ).json()
                return hub.quarantined
            }

            func record(in store: String) async throws -> Record {
                try await centre.place.run(
                    "sync-inspect",
                    ["record", "check-in", day, person, "--json", "--data", store]
                ).json()
            }

            /// Lets the victim sync, and starts the hub again whenever it dies, until `isDone`.
            mutating func sync(
                plant: String, most: Int = 40,
                afterDeath: (_ deaths: Int, _ victim: Running) async throws -> Void = { _, _ in },
                until isDone: (Outcome, Int) -> Bool = { out, _ in out.code == 0 }
            ) async throws -> Outcome {
                if !centre.isServing { try await centre.open(plant: plant) }
                var sync = try centre.start(victim, "sync")
                while true {
                    _ = try await eventually { !centre.isServing || !sync.isRunning }
                    if !centre.isServing {
                        ends.append(try await centre.fallen())
                        try await centre.open(plant: plant)
                        try await afterDeath(ends.count, sync)
                    }
                    if !sync.isRunning || ends.count >= most {
                        sync.terminate()
                        let outcome = try await sync.end()
                        if isDone(outcome, ends.count) || ends.count >= most { return outcome }
                        sync = try centre.start(victim, "sync")
                    }
                }
            }

            /// The boards are as they would be without the version.
            func expectBoards(of branches: [String]) async throws {
                for day in centre.college.days {
                    let board = try await centre.board(day)
                    for branch in branches {
                        var wanted = try #require(centre.college.expected[day]?[branch])
                        if day == centre.college.words("last_day"),
                            branch == centre.college.words("mistyped_branch")
                        {
                            wanted.flagged += 1
                        }
                        let found = try #require(board[branch])
                        if day == self.day, branch == victim {
                            wanted.checkedIn -= 1
                            wanted.missing += 1
                            #expect(wanted.late - found.late <= 1 && wanted.flagged - found.flagged <= 1)
                            (wanted.late, wanted.flagged) = (found.late, found.flagged)
                        }
                        #expect(found == wanted, "\(branch) on \(day)")
                    }
                }
            }
        }

        @Test func theVersionOverWhichTheHubDiesIsFoundAndSetAside() async throws {
            var story = try await Story()
            let centre = story.centre
            let dot = story.version.dot
            let queued = try await centre.status(story.victim).queued
            // The first death may take the other branch's connection with it; after that it goes on beside.
            try await centre.open(plant: "applying:" + dot)
            let other = story.other
            let theirs = try #require(
                try await Story.queue(centre, other).entries.last { $0.form == "check-in" })
            var beside = try centre.start(other, "sync")
            var arrivals = 0
            let outcome = try await story.sync(plant: "applying:" + dot) { deaths, victim in
                // Once the victim is late: a busy machine may not leave the other a moment between.
                if deaths == 3 {
                    try await victim.whileHalted { _ = try await eventually { !beside.isRunning } }
                }
                guard !beside.isRunning else { return }
                arrivals += try await beside.end().code == 0 ? 1 : 0
                try await centre.branch(
                    other, "add", "check-in", "day=" + theirs.key[0], "person=" + theirs.key[1],
                    "remark=once more \(arrivals)")
                beside = try centre.start(other, "sync")
            }
            #expect(outcome.code == 0)
            arrivals += try await beside.end().code == 0 ? 1 : 0
            #expect(arrivals >= 2, "the other branch goes on between the deaths")
            #expect(try await centre.sync(story.other).drained)
            let deaths = story.ends.map(String.init).joined(separator: " ")
            print(
                "the hub died \(story.ends.count) times (\(deaths)) until \(dot) was set aside;",
                "the other branch drained \(arrivals) times meanwhile")
            #expect(story.ends.allSatisfy { $0 == -SIGILL || $0 == -SIGTRAP }, "by its own trap: \(deaths)")
            #expect((3...16).contains(story.ends.count))

            let status = try await centre.status(story.victim)
            #expect(status.queued == 0 && status.receipted == queued, "receipted, all of it")
            try await expectOneSetAside(story)
            try await story.expectBoards(of: [story.victim, story.other])
            #expect(centre.log.contains("set aside") && centre.log.contains(dot))
            #expect(!centre.log.contains(story.person), "the log names nobody")
            let origin = try #require(
                try await Story.queue(centre, story.other).lanes["routine"]?.entries.first?.dot.prefix(16))
            #expect(!centre.log.contains(origin), "the other branch is not suspected")
            let export = try await centre.export("check-in").output
            try await centre.close()

            // A hub without the trap: everything stands, and nothing comes twice.
            try await centre.open()
            for branch in [story.victim, story.other] { #expect(try await centre.sync(branch).drained) }
            #expect(try await centre.export("check-in").output == export)
            try await expectOneSetAside(story)
            // A fix is a new version.
            try await centre.branch(
                story.victim, "add", "check-in", "day=" + story.day, "person=" + story.person,
                "temperature=36.4")
            #expect(try await centre.sync(story.victim).drained)
            #expect(try await story.record(in: centre.place.path("hub")).exists)
            try await centre.close()
        }

        private func expectOneSetAside(_ story: Story) async throws {
            let held = try await story.quarantined()
            #expect(held.map(\.dot) == [story.version.dot] && held.map(\.reasons) == [["trap"]])
            let record = try await story.record(in: story.centre.place.path("hub"))
            #expect(!record.exists)
            #expect(record.versions.map(\.dot) == [story.version.dot])
            #expect(record.versions.map(\.verdicts) == [["quarantined trap"]])
            let told = try await Story.queue(story.centre, story.victim).entries.filter {
                $0.verdicts.contains { $0.hasPrefix("quarantined") }
            }
            #expect(told.map(\.dot) == [story.version.dot] && told.map(\.verdicts) == [["quarantined trap"]])
            let text = try await story.centre.branch(story.victim, "status").output
            #expect(text.contains("fails over it"))
        }

        @Test func aHubThatIsKilledBlamesNobody() async throws {
            var story = try await Story()
            let plant = "killing:" + story.version.dot
            _ = try await story.sync(plant: plant, most: 6)
            #expect(story.ends == [Int32](repeating: -SIGKILL, count: 6))
            try await story.centre.close()
            try await story.centre.open()
            for branch in [story.victim, story.other] {
                #expect(try await story.centre.sync(branch).drained)
            }
            #expect(try await story.quarantined().isEmpty)
            #expect(!story.centre.log.contains("trap") && !story.centre.log.contains("set aside"))
            try await story.centre.expectBoards(of: [story.victim, story.other], isMistyped: true)
            try await story.centre.close()
        }

        @Test func whatCannotBeChainedOrStoredIsRefusedAndTheHubLives() async throws {
            var story = try await Story()
            let centre = story.centre
            let judging = try await story.sync(
                plant: "judging:" + story.version.dot, until: { $1 >= 2 && $0.remarks.contains("123") })
            // Twice, and again where batches before it got through meanwhile, so that it came cut elsewhere.
            #expect((2...6).contains(story.ends.count))
            #expect(judging.remarks.contains("123"), "\(judging.remarks)")
            #expect(centre.isServing)
            #expect(try await centre.sync(story.other).drained)
            #expect(try await centre.status(story.victim).queued > 0, "it stays queued")
            #expect(centre.log.contains("refused without being looked at"))
            try await centre.close()

            // Once more from the beginning; now it can be chained, but not even be stored.
            let plant = "applying:\(story.version.dot),raw:\(story.version.dot)"
            try await centre.open(more: ["--retry-refused"], plant: plant)
            story.ends = []
            let raw = try await story.sync(
                plant: plant, until: { $1 >= 4 && $0.remarks.contains("123") })
            #expect(raw.remarks.contains("123"))
            #expect(story.ends.count <= 17)
            #expect(centre.isServing)
            #expect(try await story.quarantined().isEmpty)
            try await centre.close()

            try await centre.open(more: ["--retry-refused"])
            #expect(try await centre.sync(story.victim).drained)
            try await centre.expectBoards(of: [story.victim, story.other], isMistyped: true)
            try await centre.close()
        }

        @Test func aFrameThatCannotBeDecodedIsRefusedAndTheHubLives() async throws {
            var story = try await Story()
            let centre = story.centre
            let outcome = try await story.sync(
                plant: "decoding:" + story.version.dot, until: { $1 >= 2 && $0.remarks.contains("123") })
            #expect((2...6).contains(story.ends.count))
            #expect(story.ends.allSatisfy { $0 == -SIGILL } || story.ends.allSatisfy { $0 == -SIGTRAP })
            #expect(outcome.remarks.contains("123"), "\(outcome.remarks)")
            #expect(centre.isServing)
            #expect(try await centre.sync(story.other).drained)
            #expect(centre.log.contains("refused without being decoded"))
            #expect(try await centre.sync(story.victim, expecting: [3]).queued > 0)
            #expect(centre.isServing)
            try await centre.close()
            try await centre.open(more: ["--retry-refused"])
            #expect(try await centre.sync(story.victim).drained)
            #expect(try await story.quarantined().isEmpty)
            try await centre.expectBoards(of: [story.victim, story.other], isMistyped: true)
            try await centre.close()
        }
    }

#endif
