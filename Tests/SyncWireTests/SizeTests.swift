import SyncCore
import SyncWire
import Testing

@Suite struct SizeTests {
    /// A fortnight's backlog must pass a slow link: the figure stands in the output.
    @Test(arguments: [20, 400, 1000])
    func aCheckInTakesFewBytes(size: Int) throws {
        let versions = Fortnight.versions()
        var writer = FrameWriter()
        var reader = FrameReader()
        var wire = 0
        var plain = 0
        for batch in Fortnight.batches(of: size, versions) {
            let bytes = try writer.frame(.batch(batch), compress: true)
            reader.append(bytes)
            let back = try reader.next()
            wire += bytes.count
            plain += back?.inflatedBytes ?? 0
            guard case .batch(let other)? = back?.message else {
                Issue.record("no batch came back")
                continue
            }
            #expect(other.rows == batch.rows)
        }
        let each = Double(wire) / Double(versions.count)
        print(
            "batches of \(size): \(each) bytes a check-in, \(Double(plain) / Double(versions.count)) inflated"
        )
        #expect(each < (size == 20 ? 18 : 7))
    }
}
