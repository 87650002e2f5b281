import Forms
import SyncCore
import Testing

@Suite struct DatedTreeTests {
    private static func tree() -> DatedTree {
        var tree = DatedTree()
        for (unit, above) in [("C0", nil), ("G1", "C0"), ("G2", "C0"), ("B1", "G1")] as [(String, String?)] {
            tree.add(unit, under: above)
        }
        return tree
    }

    @Test func whatIsSaidFirstHoldsUntilADaySaysAnother() {
        var tree = Self.tree()
        // In any order.
        tree.add("B1", under: nil, from: 30)
        tree.add("B1", under: "G2", from: 20)
        #expect(tree.chain(from: "B1", on: 19) == ["B1", "G1", "C0"])
        #expect(tree.chain(from: "B1", on: 20) == ["B1", "G2", "C0"])
        #expect(tree.chain(from: "B1", on: 29) == ["B1", "G2", "C0"])
        #expect(tree.chain(from: "B1", on: 30) == ["B1"], "at the top from then on")
        #expect(tree.above("C0", on: 0) == nil && tree.above("B9", on: 0) == nil)
        #expect(tree.isWithin("B1", "G2", on: 20) && !tree.isWithin("B1", "G2", on: 19))
        #expect(tree.days(of: "B1") == [20, 30] && tree.days(of: "G1").isEmpty)
        tree.add("B1", under: "G1", from: 20)
        #expect(tree.chain(from: "B1", on: 20) == ["B1", "G1", "C0"], "the last word about a day counts")
    }

    /// What stands above moves with those below it.
    @Test func theLineOfADayIsWhatEachUnitSaysOfThatDay() {
        var tree = Self.tree()
        tree.add("G1", under: "G2", from: 10)
        tree.add("G2", under: nil, from: 12)
        #expect(tree.chain(from: "B1", on: 9) == ["B1", "G1", "C0"])
        #expect(tree.chain(from: "B1", on: 11) == ["B1", "G1", "G2", "C0"])
        #expect(tree.chain(from: "B1", on: 12) == ["B1", "G1", "G2"])
    }

    @Test func aRingEndsWhereItBegan() {
        var tree = Self.tree()
        tree.add("G1", under: "B1", from: 5)
        #expect(
            tree.chain(from: "B1", on: 5) == ["B1", "G1"] && tree.chain(from: "G1", on: 5) == ["G1", "B1"])
        #expect(tree.chain(from: "B1", on: 4) == ["B1", "G1", "C0"])
        tree.add("C0", under: "C0", from: 5)
        #expect(tree.chain(from: "C0", on: 5) == ["C0"])
    }

    /// Of a unit that is not on the register nothing is above, whatever was said of it once.
    @Test func aUnitThatIsGoneStandsByItself() {
        var tree = DatedTree()
        tree.add("B1", under: "C0", from: 5)
        #expect(tree.chain(from: "B1", on: 6) == ["B1"])
    }
}
