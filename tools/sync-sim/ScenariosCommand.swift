import ArgumentParser

/// Tells the stories of `Protocol/scenarios`.
struct ScenariosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenarios", abstract: "Tells how branches and hub speak in some ten situations.")

    @Argument(help: "One of them; all without it.") var name: String?

    func run() throws {
        let chosen = Script.all.filter { name == nil || $0.name == name }
        guard !chosen.isEmpty else {
            throw ValidationError("There is none but: " + Script.all.map(\.name).joined(separator: ", "))
        }
        for script in chosen { print(try script.told(), terminator: name == nil ? "\n" : "") }
    }
}
