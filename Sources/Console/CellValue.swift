package import Forms
package import SyncCore

/// Turns the text of a cell, or of `field=value`, into a value.
package enum CellValue {
    package struct Unreadable: Error, Hashable {
        package var type: FieldType

        package func reason(of field: FieldDefinition) -> String {
            switch type {
            case .integer, .decimal: Reason.notANumber(field.name)
            case .date: Reason.badDate
            case .time: Reason.badTime
            default: field.unreadable ?? Reason.badValue
            }
        }
    }

    /// A blank cell is *not stated*. Ids, choices and numbers are trimmed; free text stays as written.
    package static func read(
        _ cell: ArraySlice<UInt8>, as type: FieldType, scale: UInt8, zone: LocalZone
    ) -> Result<Value, Unreadable> {
        let trimmed = CellText.trimmed(cell)
        if trimmed.isEmpty { return .success(.notStated) }
        let value: Value? =
            switch type {
            case .text: .text(Array(cell))
            case .person, .unit, .region, .record, .choice: .text(Array(trimmed))
            case .integer: CellText.decimal(trimmed, scale: 0).map { .integer($0) }
            case .decimal:
                CellText.decimal(trimmed, scale: scale).map { .decimal(unscaled: $0, scale: scale) }
            case .boolean: CellText.boolean(trimmed).map { .boolean($0) }
            case .date: CellText.date(trimmed).map { .integer(Int64($0)) }
            case .time: CellText.time(trimmed, in: zone).map { .integer($0) }
            case .multiChoice, .placeList:
                .list(
                    trimmed.split(separator: 0x3b).map { Array(CellText.trimmed($0)) }.filter { !$0.isEmpty })
            }
        return value.map { .success($0) } ?? .failure(Unreadable(type: type))
    }
}
