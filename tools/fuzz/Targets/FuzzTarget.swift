/// One place where bytes of strangers come in. It must take any bytes at all: a trap is a defect, whether it
/// comes from the code or from a check here.
public struct FuzzTarget: Sendable {
    /// The name of its folder in `Protocol/corpus`.
    public let name: String
    public let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    public static let all: [FuzzTarget] = wire + text + files + sessions
}

/// Ends the program: what was promised does not hold.
func check(_ holds: Bool, _ promise: StaticString) {
    precondition(holds, "\(promise)")
}
