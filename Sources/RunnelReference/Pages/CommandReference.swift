import RunnelKit

/// `cli.md`: every command with its arguments, options and examples.
enum CommandReference {
    static func text(_ root: CommandDescription) -> String {
        let commands = root.shownSubcommands.flatMap { all($0, path: root.name) }
        let list = commands.map { path, command in
            "- [`\(path)`](#\(Markdown.anchor(path))): \(Markdown.escaped(command.abstract))\n"
        }.joined()
        let statuses = Markdown.table(
            ["status", "meaning"], ExitStatuses.all.map { [Markdown.code($0.status), $0.meaning] })
        return """
            # Command line

            Made from the declarations of the commands. `\(root.name) COMMAND --help` prints the same for one command,
            `\(root.name) docs man | man -l -` for all of them.

            \(list)
            ## Options of every command

            \(table(root.arguments.filter(\.isShown)))
            \(Markdown.escaped(root.discussion))

            ## Exit status

            \(statuses)

            """ + commands.map { section($0.path, $0.command) }.joined(separator: "\n")
    }

    /// The command and those below it, each with the words that one types.
    private static func all(
        _ command: CommandDescription, path: String
    ) -> [(path: String, command: CommandDescription)] {
        let path = "\(path) \(command.name)"
        return [(path, command)] + command.shownSubcommands.flatMap { all($0, path: path) }
    }

    private static func section(_ path: String, _ command: CommandDescription) -> String {
        var parts = ["## \(path)\n"]
        if command.subcommands.isEmpty || !command.shown.isEmpty {
            parts.append(Markdown.code(([path] + command.shown.map(usage)).joined(separator: " ")) + "\n")
        }
        parts.append(Markdown.escaped(command.abstract) + "\n")
        if let usual = command.defaultSubcommand {
            parts.append("Without a subcommand it does what `\(path) \(usual)` does.\n")
        }
        parts += paragraphs(command.discussion)
        if !command.shown.isEmpty { parts.append(table(command.shown)) }
        if !command.examples.isEmpty {
            let lines = command.examples.map { "- \(Markdown.code($0.command))<br>\(Markdown.escaped($0.meaning))\n" }
            parts.append("Examples:\n\n" + lines.joined())
        }
        return parts.joined(separator: "\n")
    }

    /// An argument in the synopsis.
    private static func usage(_ argument: ArgumentDescription) -> String {
        let name = argument.names.last ?? ""
        let text =
            switch argument.kind {
            case .positional: "<\(argument.value)>"
            case .option: "\(name) <\(argument.value)>"
            case .flag: name
            }
        let repeated = text + (argument.isRepeating ? " ..." : "")
        return argument.isOptional ? "[\(repeated)]" : repeated
    }

    private static func table(_ arguments: [ArgumentDescription]) -> String {
        Markdown.table(
            ["argument", "default", "meaning"],
            arguments.map { argument in
                let value = argument.kind == .flag ? "" : " <\(argument.value)>"
                let names =
                    argument.kind == .positional
                    ? Markdown.code("<\(argument.value)>")
                    : argument.names.reversed().map { Markdown.code($0 + value) }.joined(separator: ", ")
                var meaning = [argument.abstract, argument.discussion].filter { !$0.isEmpty }.map(Markdown.escaped)
                if !argument.choices.isEmpty, argument.kind != .flag {
                    meaning.append("One of \(Markdown.list(argument.choices.map(Markdown.code), "and")).")
                }
                if argument.isRepeating { meaning.append("Can be given several times.") }
                let absent = argument.kind == .flag ? "" : argument.defaultValue.map(Markdown.code) ?? ""
                return [names, argument.isOptional ? absent : "required", meaning.joined(separator: " ")]
            })
    }

    /// The paragraphs of a discussion, one a line there. Lines that begin with spaces are a table of their own.
    private static func paragraphs(_ discussion: String) -> [String] {
        var parts: [String] = []
        var isTable = false
        for line in discussion.split(separator: "\n") {
            if line.hasPrefix("  ") {
                let row = "    \(line.dropFirst(2))\n"
                if isTable, let last = parts.indices.last { parts[last] += row } else { parts.append(row) }
                isTable = true
            } else {
                parts.append(Markdown.escaped(String(line)) + "\n")
                isTable = false
            }
        }
        return parts
    }
}
