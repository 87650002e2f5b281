import Console
import Forms
import SyncCore
import SyncWire

/// Reads bytes as a batch, whichever of its three forms they have.
enum BatchReading {
    static func read(_ bytes: [UInt8], as form: BatchForm?, limit: Int) -> BatchReport {
        let masking = Masking(forms: .builtIn, unmask: false)
        let tries = form.map { [$0] } ?? (isFrame(bytes) ? [.frame] : [.payload, .rows])
        var best: BatchReport?
        for form in tries {
            let report = read(bytes, form, masking, limit: limit)
            guard let problem = report.problem else { return report }
            // What was read farthest is most likely what it was meant to be.
            if problem.offset > best?.problem?.offset ?? -1 { best = report }
        }
        return best ?? BatchReport(kind: .rows, bytes: bytes.count)
    }

    private static func read(
        _ bytes: [UInt8], _ form: BatchForm, _ masking: Masking, limit: Int
    ) -> BatchReport {
        switch form {
        case .frame: frame(bytes, masking, limit: limit)
        case .payload: payload(bytes, masking, limit: limit)
        case .rows: rows(bytes, masking, limit: limit)
        }
    }

    /// Bytes whose header fits: its type is a batch's, and its length or its own check is right. A payload
    /// begins with an origin, which looks like this once in many millions.
    private static func isFrame(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= FrameHeader.size else { return false }
        let length = bytes[4..<8].reduce(0) { $0 << 8 | Int($1) }
        if bytes[0] == MessageType.batch, bytes[1] & 0xf8 == 0, length == bytes.count - FrameHeader.size {
            return true
        }
        var reader = FrameReader()
        reader.append(bytes)
        do {
            _ = try reader.next()
            return true
        } catch {
            return error.code != .headerCheck
        }
    }

    private static func frame(_ bytes: [UInt8], _ masking: Masking, limit: Int) -> BatchReport {
        var report = BatchReport(kind: .frame, bytes: bytes.count)
        var reader = FrameReader()
        reader.append(bytes)
        do {
            guard let next = try reader.next() else {
                report.problem = .init(
                    "truncated", "frame", bytes.count, Words("the frame is cut off", zh: "帧不完整"))
                return report
            }
            report.inflated = next.inflatedBytes
            guard case .batch(let batch) = next.message else {
                report.problem = .init(
                    "not_a_batch", "header", 0,
                    Words(
                        "a whole frame, but of type \(MessageType.of(next.message)) and no batch",
                        zh: "完整的帧，但类型为 \(MessageType.of(next.message))，不是批次"))
                return report
            }
            report.fill(batch, masking, limit: limit)
            if reader.waiting > 0 {
                report.problem = .init(
                    "leftover", "frame", next.wireBytes,
                    Words("bytes follow the frame", zh: "帧之后还有字节"))
            }
        } catch {
            report.problem = .init(error, base: error.part == .header || error.part == .frame ? 0 : 16)
        }
        return report
    }

    private static func payload(_ bytes: [UInt8], _ masking: Masking, limit: Int) -> BatchReport {
        var report = BatchReport(kind: .payload, bytes: bytes.count)
        do {
            let message = try MessageCodec.decode(type: MessageType.batch, payload: bytes)
            if case .batch(let batch) = message { report.fill(batch, masking, limit: limit) }
        } catch {
            report.problem = .init(error, base: 0)
        }
        return report
    }

    private static func rows(_ bytes: [UInt8], _ masking: Masking, limit: Int) -> BatchReport {
        var report = BatchReport(kind: .rows, bytes: bytes.count)
        do {
            let rows = try RowsCodec.decode(bytes)
            report.fill(rows, encoded: bytes, origin: nil, first: 1, masking, limit: limit)
        } catch {
            report.problem = .init(error, base: 0)
        }
        return report
    }
}
