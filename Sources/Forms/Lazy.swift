import Synchronization

/// A value that is made when it is first asked for. Who asks at the same time may make it twice; all get the
/// same one.
final class Lazy<Value: Sendable>: Sendable {
    private final class Box: Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
    }

    private let make: @Sendable () -> Value
    private let made = AtomicLazyReference<Box>()

    init(_ make: @escaping @Sendable () -> Value) { self.make = make }

    var value: Value { (made.load() ?? made.storeIfNil(Box(make()))).value }
}
