import Foundation

// flaky-link LISTEN-PORT TO-PORT [--cut-after BYTES]... [--then-stop] Carries one TCP connection after the
// other on loopback. A connection over which the side that connected has sent the first BYTES is cut there, a
// later one at the second BYTES, and so on; then all run whole. With --then-stop the link is gone after the
// last cut.

func complain(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
}

func leave(_ message: String, code: Int32) -> Never {
    complain(message)
    exit(code)
}

let usage = "usage: flaky-link LISTEN-PORT TO-PORT [--cut-after BYTES]... [--then-stop]"
var ports: [UInt16] = []
var cuts: [Int] = []
var stopsAfterCuts = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    if argument == "--cut-after" {
        guard let bytes = arguments.popFirst().flatMap({ Int($0) }), bytes > 0 else {
            leave(usage, code: 64)
        }
        cuts.append(bytes)
    } else if argument == "--then-stop" {
        stopsAfterCuts = true
    } else if let port = UInt16(argument), ports.count < 2 {
        ports.append(port)
    } else {
        leave(usage, code: 64)
    }
}
guard ports.count == 2 else { leave(usage, code: 64) }

signal(SIGPIPE, SIG_IGN)
do {
    let listener = try listenOnLoopback(port: ports[0])
    while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { continue }
        guard let server = try connectToLoopback(port: ports[1]) else {
            reset(client)
            continue
        }
        let result = carry(client: client, server: server, limit: cuts.first)
        if result.wasCut {
            cuts.removeFirst()
            complain("The link broke after \(result.sent) bytes from the branch.")
        }
        let isGone = result.wasCut && cuts.isEmpty && stopsAfterCuts
        if isGone { close(listener) }
        reset(client)
        close(server)
        if isGone { exit(0) }
    }
} catch {
    leave("flaky-link: \(error)", code: 1)
}
