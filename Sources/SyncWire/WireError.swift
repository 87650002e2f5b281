public import SyncCore

/// Why bytes were refused. Small and without text, so that refusing costs nothing; `description` is for
/// people.
public struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: UInt8, Sendable, Hashable {
        /// The peer does not speak this protocol at all.
        case notRollcall = 1
        /// The peer's highest version is below ours.
        case tooOld
        /// The peer's lowest version is above ours.
        case tooNew
        /// The header's own check does not hold.
        case headerCheck
        case frameTooLong
        case inflatesTooLarge
        case corruptDeflate
        case checksum
        /// A critical frame of a type that this version does not know.
        case unknownCritical
        /// The bytes end too early.
        case truncated
        /// Bytes are left over behind what was expected.
        case leftover
        /// A varint has more bytes than it needs, or more than 64 bits.
        case overlong
        /// Something has two spellings, and this is not the one that is allowed.
        case notCanonical
        /// Text that is not UTF-8.
        case badText
        /// A number outside what it may be.
        case outOfRange
        /// A count or length above its limit.
        case limit
        /// An encoding id that this version does not know.
        case unknownEncoding
        /// An earlier error ended this stream.
        case poisoned
        /// zlib got no memory for a stream.
        case outOfMemory
        /// An in-stream frame before `Welcome`.
        case inStreamTooEarly
    }

    /// Which part of a frame was being read.
    public enum Part: UInt8, Sendable, Hashable {
        case preamble = 1, header, frame, message, batch, salts, seals, rows, times, flags, authors, contexts
        case authoredDots, groups, form, column, presence, integers, index, dictionary, text, list, state
    }

    public var code: Code
    public var part: Part
    /// Bytes into what was being read: the payload of a frame, or the stored value.
    public var offset: Int
    /// The type of the frame; 0 outside frames.
    public var frameType: UInt8

    public init(_ code: Code, _ part: Part, offset: Int = 0, frameType: UInt8 = 0) {
        self.code = code
        self.part = part
        self.offset = offset
        self.frameType = frameType
    }

    public var description: String {
        "\(code) in \(part) at byte \(offset)" + (frameType == 0 ? "" : ", frame type \(frameType)")
    }

    /// The code that the peer is told.
    public var refusal: RefusalCode {
        switch code {
        case .notRollcall: .notRollcall
        case .tooOld: .tooOld
        case .tooNew: .tooNew
        case .headerCheck, .checksum: .checksum
        case .frameTooLong: .frameTooLong
        case .inflatesTooLarge: .inflatesTooLarge
        case .corruptDeflate: .corruptDeflate
        case .unknownCritical: .unknownCritical
        case .limit: .limitExceeded
        case .inStreamTooEarly: .wrongOrder
        case .outOfMemory: .overloaded
        default: .protocolError
        }
    }
}
