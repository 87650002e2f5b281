import Foundation

// make-college FOLDER [--seed N] [--last-day YYYY-MM-DD] Writes a small made-up college and a fortnight of
// its sheets: the same arguments give the same bytes.

func fail(_ message: String, code: Int32) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(code)
}

let usage = "usage: make-college FOLDER [--seed N] [--last-day YYYY-MM-DD]"
var folder: String?
var seed: UInt64 = 1
var last = Day(number: 18_336)  // 2020-03-15
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--seed":
        guard let value = arguments.popFirst().flatMap({ UInt64($0) }) else { fail(usage, code: 64) }
        seed = value
    case "--last-day":
        guard let value = arguments.popFirst().flatMap({ Day($0) }) else { fail(usage, code: 64) }
        last = value
    default:
        guard folder == nil, !argument.hasPrefix("-") else { fail(usage, code: 64) }
        folder = argument
    }
}
guard let folder else { fail(usage, code: 64) }

var generator = Generator(seed: seed)
guard let college = College(last: last, using: &generator) else { fail("The college is empty.", code: 1) }
do {
    try Sheets(college: college, folder: URL(fileURLWithPath: folder)).write()
} catch {
    fail("Cannot write the college to \(folder): \(error)", code: 1)
}
let fortnight = "\(college.first.iso) to \(college.last.iso)"
print("\(college.people.count) people, \(college.branches.count) branches, \(fortnight)")
