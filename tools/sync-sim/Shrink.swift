/// Makes a failing run smaller: leaves out steps as long as it still fails (delta debugging, Zeller and
/// Hildebrandt, 2002).
struct Shrink {
    private(set) var tries = 0

    mutating func smallest(_ failing: Run.Result, plant: Plant?) -> Run.Result {
        var best = failing
        var parts = 2
        while best.steps.count > 1 {
            let size = max(1, best.steps.count / parts)
            var hasShrunk = false
            var start = 0
            while start < best.steps.count {
                var steps = best.steps
                steps.removeSubrange(start..<min(steps.count, start + size))
                tries += 1
                let result = Run.run(best.scenario, steps: steps, plant: plant)
                if result.findings.isEmpty {
                    start += size
                } else {
                    best = result
                    hasShrunk = true
                }
            }
            if size == 1 && !hasShrunk { break }
            parts = hasShrunk ? max(2, parts - 1) : min(best.steps.count, parts * 2)
        }
        return best
    }
}
