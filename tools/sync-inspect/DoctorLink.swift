import Console
import Foundation
import Glibc
import NIOPosix
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// The way from a branch to its hub, step by step: name, connection, secure channel, key, greeting, Hello.
struct DoctorLink {
    let path: String
    let now: Milliseconds

    func look(_ agent: SQLiteAgentStore, _ checkup: inout Checkup) async {
        guard let configuration = try? agent.configuration() else { return }
        guard let target = HostPort(configuration.address) else {
            return checkup.trouble(
                "name", Words("the hub's address is no HOST:PORT", zh: "汇总端地址不是 HOST:PORT"),
                next: Words("set it: `branch-agent address HOST:PORT`", zh: "请用 branch-agent address 设置"))
        }
        guard now >= 0 else {
            return checkup.trouble(
                "secure",
                Words(
                    "the clock stands before 1970: no secure connection can be made",
                    zh: "时钟早于 1970 年：无法建立安全连接"),
                next: Words("set the clock", zh: "请校准时钟"))
        }
        guard let key = try? DeviceKey.load(from: path + "/device.key"),
            let hello = try? agent.hello(now: now, program: "sync-inspect \(Program.version)")
        else {
            return checkup.add(
                .init(
                    "connection", .skipped,
                    Words("the hub is not tried: there is no device.key here", zh: "未尝试连接：此处没有 device.key")))
        }
        guard resolves(target, &checkup) else { return }
        let heard = Mutex<Welcome?>(nil)
        do {
            _ = try await ReconcileConnection.run(
                address: target.host, port: target.port, pinned: .keys(configuration.hubKeys), key: key,
                hello: hello, limit: 1, group: MultiThreadedEventLoopGroup.singleton
            ) { welcome in
                heard.withLock { $0 = welcome }
                throw Refuse(.done)
            }
        } catch let refuse as Refuse where refuse.code == .done {
            through(target, &checkup)
            checkup.ok("hello", Words("the hub lets this device in", zh: "汇总端允许本设备接入"))
            let skew = (heard.withLock { $0 }?.clock ?? now).subtractingClamped(now)
            let clock = BranchTroubles.clock(skew)
            if skew.magnitude > AuthoringClock.tolerance.magnitude {
                checkup.trouble(
                    "clock_now", Words("this machine's clock is \(clock.en)", zh: "本机时钟\(clock.zh)"),
                    next: Words("set the clock", zh: "请校准时钟"))
            }
        } catch let refuse as Refuse {
            stopped(by: refuse, target, &checkup)
        } catch let error as TransportError {
            stopped(by: error, target, &checkup)
        } catch {
            let why = Masking.clean("\(error)")
            checkup.trouble(
                "hello", Words("the connection ended (\(why))", zh: "连接结束（技术信息：\(why)）"),
                next: Words("try again", zh: "请重试"))
        }
    }

    private func resolves(_ target: HostPort, _ checkup: inout Checkup) -> Bool {
        var list: UnsafeMutablePointer<addrinfo>?
        defer { if let list { freeaddrinfo(list) } }
        let code = getaddrinfo(target.host, nil, nil, &list)
        guard code == 0 else {
            let why = String(cString: gai_strerror(code))
            checkup.trouble(
                "name",
                Words(
                    "the name \(target.host) "
                        + "is not known (\(why))", zh: "无法解析名称 \(target.host)（技术信息：\(why)）"),
                next: Words(
                    "check the network, and the address: `branch-agent address HOST:PORT`",
                    zh: "请检查网络和地址：branch-agent address"))
            return false
        }
        checkup.ok("name", Words("\(target.host) is known", zh: "名称 \(target.host) 可解析"))
        return true
    }

    /// All steps up to the Hello went well.
    private func through(_ target: HostPort, _ checkup: inout Checkup, until last: String = "greeting") {
        let steps: [(String, Words)] = [
            ("connection", Words("somebody answers at \(target)", zh: "\(target) 有应答")),
            ("secure", Words("a secure channel stands (TLS 1.3, rollcall)", zh: "安全通道已建立（TLS 1.3）")),
            ("hub_key", Words("the hub's key is the one that this branch trusts", zh: "汇总端密钥与本支部所信任的一致")),
            ("greeting", Words("both speak version 1 of the protocol", zh: "双方协议版本一致")),
        ]
        for (name, words) in steps {
            checkup.ok(name, words)
            if name == last { return }
        }
    }

    private func stopped(by refuse: Refuse, _ target: HostPort, _ checkup: inout Checkup) {
        let isGreeting: [RefusalCode] = [.notRollcall, .tooOld, .tooNew]
        let isBefore = isGreeting.contains(refuse.code)
        through(target, &checkup, until: isBefore ? "hub_key" : "greeting")
        let words = RefusalWords.words(for: refuse)
        checkup.trouble(
            isBefore ? "greeting" : "hello",
            isBefore
                ? Words(
                    "it stopped at the greeting, code \(refuse.code.rawValue)",
                    zh: "停在协议问候，代码 \(refuse.code.rawValue)")
                : Words(
                    "the hub refused, code \(refuse.code.rawValue)", zh: "汇总端拒绝，代码 \(refuse.code.rawValue)"),
            next: words)
    }

    private func stopped(by error: TransportError, _ target: HostPort, _ checkup: inout Checkup) {
        switch error {
        case .unreachable(let reason):
            checkup.trouble(
                "connection",
                Words("nobody answers at \(target) (\(reason))", zh: "\(target) 无应答（技术信息：\(reason)）"),
                next: Words(
                    "check the network, that the hub runs, and its address; what is queued stays here",
                    zh: "请检查网络、汇总端是否运行及其地址；待发内容仍在本机"))
        case .tls(let reason):
            through(target, &checkup, until: "connection")
            checkup.trouble(
                "secure", Words("no secure channel comes about (\(reason))", zh: "无法建立安全通道（技术信息：\(reason)）"),
                next: Words(
                    "another program may answer at this port, or something between reads along: check the "
                        + "address, try another network",
                    zh: "可能是其他程序占用该端口，或中间有设备拦截：请检查地址，换一个网络再试"))
        case .wrongHubKey, .forgedHubKey:
            through(target, &checkup, until: "secure")
            checkup.trouble(
                "hub_key",
                Words(
                    "whoever answers at \(target) "
                        + "has another key than the hub (code \(error.code?.rawValue ?? 0))",
                    zh: "\(target) 的应答者密钥与汇总端不符（代码 \(error.code?.rawValue ?? 0)）"),
                next: Words(
                    "nothing was sent; check the address, and ring the centre", zh: "没有发送任何内容；请检查地址并联系中心"))
        case .cut(let reason):
            through(target, &checkup, until: "hub_key")
            checkup.trouble(
                "greeting",
                Words("the connection broke before Welcome (\(reason))", zh: "连接在应答前中断（技术信息：\(reason)）"),
                next: Words("try again; on a bad link several times", zh: "请重试；链路差时多试几次"))
        }
    }
}
