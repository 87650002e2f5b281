import Foundation
import LinkKit

// flaky-link LISTEN-PORT TO-PORT [OPTION]... Carries connections on loopback as a bad link does.
//
// A connection over which the side that connected has sent the first BYTES of --cut-after is cut there, a
// later one at the second BYTES, and so on; then all run whole. With --then-stop the link is gone after the
// last cut.

func complain(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
}

func leave(_ message: String, code: Int32) -> Never {
    complain(message)
    exit(code)
}

let usage = """
    usage: flaky-link LISTEN-PORT TO-PORT [--cut-after BYTES]... [--then-stop]
             [--like \(LinkProfile.named.map(\.name).joined(separator: "|"))]
             [--rate BYTES-A-SECOND] [--round-trip MS] [--buffer BYTES] [--loss PER-MILLE] [--up MS --down MS]
    """
var ports: [UInt16] = []
var cuts: [Int] = []
var stopsAfterCuts = false
var profile = LinkProfile.plain
var (up, down): (UInt64?, UInt64?)
var arguments = CommandLine.arguments.dropFirst()

@MainActor func number() -> UInt64 {
    guard let number = arguments.popFirst().flatMap({ UInt64($0) }), number < 1 << 40 else {
        leave(usage, code: 64)
    }
    return number
}

while let argument = arguments.popFirst() {
    switch argument {
    case "--cut-after": cuts.append(max(1, Int(number())))
    case "--then-stop": stopsAfterCuts = true
    case "--like":
        let name = arguments.popFirst()
        guard let named = LinkProfile.named.first(where: { $0.name == name }) else { leave(usage, code: 64) }
        profile = named.profile
    case "--rate": profile.rate = max(1, number())
    case "--round-trip": profile.roundTrip = number()
    case "--buffer": profile.buffer = max(1_024, Int(number()))
    case "--loss": profile.lossPerMille = number()
    case "--up": up = max(1, number())
    case "--down": down = number()
    default:
        guard let port = UInt16(argument), ports.count < 2 else { leave(usage, code: 64) }
        ports.append(port)
    }
}
if let up, let down { profile.presence = LinkProfile.Presence(up: up, down: down) }
guard ports.count == 2, (up == nil) == (down == nil) else { leave(usage, code: 64) }

do {
    let link = try EmulatedLink(to: ports[1], at: ports[0], profile: profile)
    let plan = Plan(cuts)
    link.plan { plan.next.map { EmulatedLink.Cut(way: .up, after: $0, isReset: true) } }
    link.onCut { [stopsAfterCuts] sent in
        complain("The link broke after \(sent) bytes from the branch.")
        if plan.pass() == 0, stopsAfterCuts { exit(0) }
    }
    while true { sleep(3_600) }
} catch {
    leave("flaky-link: \(error)", code: 1)
}
