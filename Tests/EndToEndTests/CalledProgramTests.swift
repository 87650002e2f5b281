import Foundation
import Testing

@testable import Aggregator

/// What `--on-alert` may name.
@Suite struct CalledProgramTests {
    @Test func aPathABareNameHereAndOneOfPATH() throws {
        let place = try Place()
        let wake = place.path("wake.sh")
        try Data("#!/bin/sh\n".utf8).write(to: URL(filePath: wake))
        let folder = String(wake.dropLast("/wake.sh".count))
        #expect(CalledProgram.find(wake) == nil, "it may not be started yet")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: wake)
        #expect(CalledProgram.find(wake) == wake)
        #expect(CalledProgram.find("wake.sh", here: folder, path: "/usr/bin") == wake)
        #expect(CalledProgram.find("wake.sh", here: "/", path: "/usr/bin:" + folder) == wake)
        #expect(CalledProgram.find("wake.sh -x", here: folder, path: "") == nil, "words are no path")
        #expect(CalledProgram.find(folder) == nil, "a folder is no program")
    }
}
