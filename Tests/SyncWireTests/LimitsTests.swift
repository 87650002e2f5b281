import Foundation
import SyncCore
import Testing

@Suite struct LimitsTests {
    private var inCode: [String: Int64] {
        [
            "framePayload": Int64(Limits.framePayload),
            "frameInflated": Int64(Limits.frameInflated),
            "frameBeforeWelcome": Int64(Limits.frameBeforeWelcome),
            "frameStep": Int64(Limits.frameStep),
            "urgentBeforeWelcome": Int64(Limits.urgentBeforeWelcome),
            "batchVersions": Int64(Limits.batchVersions),
            "batchGroups": Int64(Limits.batchGroups),
            "groupKeys": Int64(Limits.groupKeys),
            "groupFields": Int64(Limits.groupFields),
            "batchSalts": Int64(Limits.batchSalts),
            "batchSeals": Int64(Limits.batchSeals),
            "batchContexts": Int64(Limits.batchContexts),
            "batchContextEntries": Int64(Limits.batchContextEntries),
            "batchCells": Int64(Limits.batchCells),
            "batchTextBytes": Int64(Limits.batchTextBytes),
            "authorBytes": Int64(Limits.authorBytes),
            "memoryColumns": Int64(Limits.memoryColumns), "memoryEntries": Int64(Limits.memoryEntries),
            "memoryShapes": Int64(Limits.memoryShapes),
            "memoryBytes": Int64(Limits.memoryBytes),
            "time": Int64(Limits.time),
            "contextEntries": Int64(Limits.contextEntries),
            "contextDots": Int64(Limits.contextDots),
            "valueBytes": Int64(Limits.valueBytes),
            "recordBytes": Int64(Limits.recordBytes),
            "keyBytes": Int64(Limits.keyBytes),
            "formNameBytes": Int64(Limits.formNameBytes),
            "helloOrigins": Int64(Limits.helloOrigins),
            "closedOrigins": Int64(Limits.closedOrigins),
            "deviceOrigins": Int64(Limits.deviceOrigins),
            "capabilities": Int64(Limits.capabilities),
            "capabilityBytes": Int64(Limits.capabilityBytes),
            "dictionaries": Int64(Limits.dictionaries),
            "words": Int64(Limits.words),
            "labelBytes": Int64(Limits.labelBytes),
            "reasonBytes": Int64(Limits.reasonBytes),
            "signatureBytes": Int64(Limits.signatureBytes),
            "settingsBytes": Int64(Limits.settingsBytes),
            "datedHours": Int64(Limits.datedHours),
            "formDefinitionBytes": Int64(Limits.formDefinitionBytes),
            "formWatches": Int64(Limits.formWatches),
            "feedItems": Int64(Limits.feedItems),
            "feedUnconfirmed": Int64(Limits.feedUnconfirmed),
            "keptRanges": Int64(Limits.keptRanges),
            "headsEntries": Int64(Limits.headsEntries),
            "headsQuestions": Int64(Limits.headsQuestions),
            "tallyPaths": Int64(Limits.tallyPaths),
            "tallyEntries": Int64(Limits.tallyEntries),
            "tallyRecords": Int64(Limits.tallyRecords),
            "tallyQuestions": Int64(Limits.tallyQuestions),
            "tallyWaiting": Int64(Limits.tallyWaiting),
            "siblings": Int64(Limits.siblings), "recordAliases": Int64(Limits.recordAliases),
            "hubKeys": Int64(Limits.hubKeys), "spokenBytes": Int64(Limits.spokenBytes),
            "deviceDayBytes": Int64(Limits.deviceDayBytes), "sealInterval": Int64(Limits.sealInterval),
            "sequence": Int64(Limits.sequence),
        ]
    }

    @Test func theFileAndTheCodeHoldTheSameNumbers() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Protocol/limits.json"))
        let inFile = try JSONDecoder().decode([String: Int64].self, from: data)
        #expect(inFile == inCode)
        let source = try String(
            contentsOf: root.appending(path: "Sources/SyncCore/Limits.swift"), encoding: .utf8)
        let declared = source.split(separator: "\n").filter { $0.contains("public static let ") }.count
        #expect(declared == inCode.count)
    }
}
