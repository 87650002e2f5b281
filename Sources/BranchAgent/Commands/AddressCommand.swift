import ArgumentParser
import Console
import SyncStore
import SyncTransport

struct AddressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "address",
        Words(
            "Look for the hub at another address, after it moved. Needs no link.",
            zh: "汇总端迁移后，改用新地址连接。无需网络。"),
        discussion: Words(
            "Its key stays the one that this device knows: whoever else answers there is refused, and "
                + "hears nothing.",
            zh: "信任的密钥不变：新地址上若是他人应答，将被拒绝，且得不到任何内容。"),
        example: "branch-agent address hub.example:7710 --data DIR")

    @Argument(help: ArgumentHelp("HOST:PORT, as the centre says it.", zh: "HOST:PORT，由中心告知。"))
    var address: String
    @OptionGroup var store: DataOption

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            guard let target = HostPort(address), target.port > 0 else {
                throw Failure(
                    .usage,
                    Words(
                        "\(Output.printable(address)) is no HOST:PORT, such as hub.example:7710; ask the "
                            + "centre again. Nothing was changed",
                        zh: "\(Output.printable(address)) 不是 HOST:PORT（如 hub.example:7710）；请再向中心确认。未作任何改动"))
            }
            // `serve` would go on with the address that it began with.
            let hold = try SessionHold(store.folder)
            defer { hold.release() }
            var (agent, configuration) = try store.folder.open()
            configuration.address = target.description
            try agent.configure(configuration)
            Output.line(
                Words(
                    "the hub is looked for at \(target) from now on; `branch-agent sync` tries it",
                    zh: "今后在 \(target) 连接汇总端；可用 branch-agent sync 试连"))
        }
    }
}
