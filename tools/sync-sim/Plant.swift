/// Bugs that can be planted, each to show that a checker finds it.
enum Plant: String, CaseIterable, Sendable {
    /// A save covers what came in after the record was opened.
    case contextAtSave = "context-at-save"
    /// The hub answers before it has committed.
    case receiptBeforeCommit = "receipt-before-commit"
}
