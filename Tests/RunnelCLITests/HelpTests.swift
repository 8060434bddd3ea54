import ArgumentParser
import Foundation
import RunnelCLI
import Testing

@Suite("Help") struct HelpTests {
    private static let commands = names(of: RunnelCommand.self, under: "")

    /// All that can be typed behind `runnel`.
    private static func names(of command: any ParsableCommand.Type, under name: String) -> [String] {
        [name]
            + command.configuration.subcommands.flatMap { part in
                names(of: part, under: (name.isEmpty ? "" : name + " ") + (part.configuration.commandName ?? ""))
            }
    }

    @Test(
        "fits into 80 columns with no line broken in its middle, and shows how the command is typed",
        arguments: commands)
    func width(command: String) async throws {
        try await withProject([:], environment: ["COLUMNS": "80"]) { runnel in
            let words = command.split(separator: " ").map(String.init)
            let help = try await runnel.run(words + ["--help"]).output
            let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.filter { $0.count > 80 })")
            let examples = lines.filter { $0.hasPrefix("  runnel ") || $0.hasPrefix("  cat ") }
            #expect(command.isEmpty || command == "plugins list" || !examples.isEmpty)
            // A default as a person types it, not as Swift prints it.
            #expect(help.firstMatch(of: #/default:\s+[A-Z]\w*\(/#) == nil)
            // A short line that ends in mid-sentence was broken twice.
            let overview = help.components(separatedBy: "\n\nExamples:")[0].components(separatedBy: "\n\nUSAGE:")[0]
            for line in overview.split(separator: "\n").dropFirst() where line.count < 50 {
                #expect([".", ":", "`"].contains(line.last) || line.hasPrefix("  "), "\(line)")
            }
        }
    }

    @Test("help is printed even if the terminal is narrower than the margin", arguments: ["0", "-1", "26"])
    func narrow(columns: String) async throws {
        try await withProject([:], environment: ["COLUMNS": columns]) { runnel in
            for arguments in [[], ["--help"], ["run", "--help"], ["help", "schedule", "next"]] {
                let ended = try await runnel.run(arguments)
                #expect(ended.status == 0, "\(arguments): \(ended.error)")
                #expect(ended.output.contains("USAGE: runnel "), "\(ended.output)")
            }
        }
    }

    /// The commands in the table of what the dashboard can do.
    private static var dashboardCommands: [String] {
        get throws {
            let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
                separator: "/")
            let document = try String(contentsOfFile: "\(root)/docs/dashboard.md", encoding: .utf8)
            let rows = document.components(separatedBy: "| action |").last?.split(separator: "\n").prefix {
                $0.hasPrefix("|") || $0.hasPrefix(" form")
            }
            return (rows ?? []).flatMap { row in
                row.split(separator: "`").map(String.init).filter { $0.hasPrefix("runnel ") }
            }
        }
    }

    @Test("the commands that the dashboard's table names are there, with their options and arguments")
    func dashboard() async throws {
        let commands = try Self.dashboardCommands
        #expect(commands.count >= 15)
        try await withProject([:]) { runnel in
            for command in commands {
                let words = command.split(separator: " ").dropFirst().map(String.init)
                let name = Array(words.prefix { !$0.hasPrefix("-") && $0 == $0.lowercased() })
                #expect(Self.commands.contains(name.joined(separator: " ")), "\(command)")
                let help = try await runnel.run(name + ["--help"]).output
                for (index, word) in words.enumerated().dropFirst(name.count) {
                    if word.hasPrefix("--") {
                        let takesValue = index + 1 < words.count && !words[index + 1].hasPrefix("-")
                        #expect(help.contains("  \(word)\(takesValue ? " <" : " ")"), "\(word) in \(command)")
                    } else if !words[index - 1].hasPrefix("--") {
                        #expect(help.contains("\nARGUMENTS:\n"), "\(word) in \(command)")
                    }
                }
            }
        }
    }

    @Test("the manual page has all examples in a section of their own")
    func manual() async throws {
        try await withProject([:]) { runnel in
            let page = try await runnel.run(["docs", "man"]).output
            #expect(page.contains(".SH EXAMPLES\n.TP\n\\fBrunnel init\\fR\n"))
            #expect(page.contains("\\fBrunnel run hello \\-\\-simulate \\-\\-text \"Good morning\"\\fR\n"))
            #expect(!page.contains("Examples:"))
        }
    }

    @Test("completions know states, pipelines, steps, inputs and runs")
    func completions() async throws {
        let pipeline = """
            name: greeting
            inputs: { tone: { default: kind, description: How it sounds. } }
            steps: [ { id: first, uses: log, with: { message: hi } }, { id: second, uses: log } ]
            """
        let plugin = "name: greet\nprotocol: exec\ncommand: [sh, main.sh]\nsteps: { hello: { summary: Greets. } }\n"
        try await withProject(["p.yaml": pipeline, "runnel.yaml": "", "plugins/greet/plugin.yaml": plugin]) { runnel in
            for (command, name) in [("steps", "greet.hello"), ("steps", "chat"), ("triggers", "watch")] {
                let ended = try await runnel.run(["---completion", command, "--", "positional@0", "2", "0", ""])
                #expect(ended.output.split(separator: "\n").contains(Substring(name)), "\(ended.output)")
            }
            _ = try await runnel.run(["run", "p"])
            func complete(_ shell: String, _ command: [String], _ typed: [String]) async throws -> [Substring] {
                var runnel = runnel
                runnel.environment = ["SAP_SHELL": shell]
                let words = ["runnel"] + command + typed
                let ended = try await runnel.run(
                    ["---completion"] + command + ["--", typed.last ?? "", "\(words.count)", "0"] + words + [""])
                return ended.output.split(separator: "\n")
            }
            #expect(try await complete("bash", ["run"], ["p", "--input"]) == ["tone="])
            #expect(try await complete("zsh", ["runs", "list"], ["--pipeline"]).first == "greeting:p.yaml")
            #expect(
                try await complete("fish", ["runs", "retry"], ["last", "--from"]) == ["first\tlog", "second\tlog"])
            let script = try await runnel.run(["--generate-completion-script", "bash"]).output
            #expect(script.contains("interrupted"))
            #expect(script.contains("rate-limited"))
        }
    }
}
