public import SyncCore

extension VersionBatch {
    /// Encodes the columns, once: they travel and are kept as these bytes.
    ///
    /// - Parameter bytes: as many as they may take.
    /// - Returns: nil when they fit, or when there is only one version; otherwise how many versions may fit.
    public mutating func encodeRows(into bytes: Int) -> Int? {
        if encodedRows.isEmpty { encodedRows = RowsCodec.encode(rows) }
        guard encodedRows.count > bytes, count > 1 else { return nil }
        let share = count.multipliedReportingOverflow(by: max(0, bytes))
        let fitting = share.overflow ? count - 1 : share.partialValue / encodedRows.count
        return max(1, min(count - 1, fitting - fitting / 16))
    }
}
