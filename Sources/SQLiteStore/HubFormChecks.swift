import Forms
import SyncCore
import SyncStore

/// Forms and settings compiled for the hub's work: validation, coverage rules, the committee's zone.
struct HubFormChecks {
    let catalog: CompiledCatalog
    let zone: LocalZone
    let count: CoverageCount
    private let cutoff: DatedHour
    let checkIn: CompiledForm?
    /// Of no day yet.
    let retention: Retention

    init(_ means: HubMeans, settings: Settings) throws {
        (catalog, count) = try means.checks(settings)
        guard let cutoff = settings.hour(named: "checkInCutoff") else {
            throw StoreError(.corrupt, "the settings' cut-off does not read")
        }
        self.cutoff = cutoff
        zone = catalog.zone
        checkIn = catalog[BuiltIn.checkIn]
        retention = Retention(means.forms, today: 0)
    }

    /// Checked in, late and flagged of one record: 0 or 1 each.
    func counts(_ record: EffectiveRecord, day: Int32) -> HubCoverageCounts {
        guard record.exists else { return HubCoverageCounts() }
        return HubCoverageCounts(
            checkedIn: 1, late: zone.isAfter(record.firstCreated, hour: cutoff, of: day) ? 1 : 0,
            flagged: checkIn?.isFlagged(record) == true ? 1 : 0)
    }

    /// The same for the rows of a group, each a new record.
    func counter(_ group: FormGroup) -> Counter {
        Counter(flagged: checkIn?.flagged(group) ?? [], zone: zone, cutoff: cutoff)
    }

    struct Counter {
        let flagged: [Bool]
        let zone: LocalZone
        let cutoff: DatedHour
        private var day: Int32 = .min
        private var lateAfter: Milliseconds = 0

        init(flagged: [Bool], zone: LocalZone, cutoff: DatedHour) {
            self.flagged = flagged
            self.zone = zone
            self.cutoff = cutoff
        }

        /// Near the cut-off the zone is asked again: its offset may change on that day.
        mutating func counts(_ place: Int, firstCreated: Milliseconds, day: Int32) -> HubCoverageCounts {
            if day != self.day {
                self.day = day
                lateAfter = zone.time(fromLocal: Milliseconds(day) * 86_400_000 + cutoff.on(day).milliseconds)
            }
            let distance = firstCreated - lateAfter
            let isLate =
                abs(distance) < 7_200_000 ? zone.isAfter(firstCreated, hour: cutoff, of: day) : distance > 0
            return HubCoverageCounts(
                checkedIn: 1, late: isLate ? 1 : 0, flagged: place < flagged.count && flagged[place] ? 1 : 0)
        }
    }
}

extension SQLiteHubStore {
    func loadedChecks() throws -> HubFormChecks {
        if let checks { return checks }
        let made = try HubFormChecks(means, settings: try settings())
        checks = made
        return made
    }
}
