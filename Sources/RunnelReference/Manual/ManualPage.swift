public import RunnelKit

/// The manual page `runnel.1`, made from what the command line says of itself.
public struct ManualPage: Sendable {
    private let root: CommandDescription
    private let version: String
    private let date: String

    /// Reads the description of the commands.
    /// - Parameters:
    ///   - dump: What `runnel --experimental-dump-help` prints.
    ///   - version: Of the program, for the page's foot.
    ///   - date: Of the page, such as `2026-11-24`; empty leaves it out.
    public init(dump: Value, version: String, date: String = "") throws(ManualPageError) {
        guard let command = dump["command"] else {
            throw ManualPageError(message: "the description of the commands has no \"command\"")
        }
        guard dump["serializationVersion"]?.asInt == 0 else {
            let found = dump["serializationVersion"]?.json() ?? "none"
            throw ManualPageError(message: "the description of the commands has the unknown version \(found)")
        }
        root = try CommandDescription(command, path: "")
        self.version = version
        self.date = date
    }

    /// The page in the man(7) language, in ASCII.
    public var text: String {
        var page = Troff()
        page.macro("TH", root.name.uppercased(), "1", date, "\(root.name) \(version)", "User Commands")
        page.macro("SH", "NAME")
        page.line(Troff.escaped(root.name) + " \\- " + Troff.prose(sentence(root.abstract)))
        page.macro("SH", "SYNOPSIS")
        page.line(Troff.bold(root.name) + " " + Troff.italic("command") + " [" + Troff.italic("options") + "]")
        if !root.discussion.isEmpty {
            page.macro("SH", "DESCRIPTION")
            page.paragraphs(root.discussion)
        }
        page.macro("SH", "OPTIONS")
        page.line("Every command takes these.")
        for argument in root.arguments where argument.isShown { entry(argument, into: &page) }
        page.macro("SH", "COMMANDS")
        for command in root.subcommands where command.isShown && command.name != "help" {
            section(command, path: root.name, into: &page)
        }
        close(&page)
        return page.text
    }

    private func section(_ command: CommandDescription, path: String, into page: inout Troff) {
        let name = "\(path) \(command.name)"
        page.macro("SS", Troff.escaped(name))
        if command.subcommands.isEmpty || !command.shown.isEmpty {
            page.line(([Troff.bold(name)] + command.shown.map(Self.usage)).joined(separator: " "))
            page.macro("PP")
        }
        page.paragraphs(command.abstract)
        if let usual = command.defaultSubcommand {
            page.line("Without a further command it does what " + Troff.bold("\(name) \(usual)") + " does.")
        }
        if !command.discussion.isEmpty {
            page.macro("PP")
            page.paragraphs(command.discussion)
        }
        for argument in command.shown { entry(argument, into: &page) }
        for inner in command.subcommands where inner.isShown { section(inner, path: name, into: &page) }
    }

    /// An argument as the synopsis shows it.
    private static func usage(_ argument: ArgumentDescription) -> String {
        let more = argument.isRepeating ? "\\~..." : ""
        let name = Troff.bold(argument.names.last ?? "")
        let text =
            switch argument.kind {
            case .positional: Troff.italic(argument.value) + more
            case .option: "\(name)\\~\(Troff.italic(argument.value))\(more)"
            case .flag: name
            }
        return argument.isOptional ? "[\(text)]" : text
    }

    private func entry(_ argument: ArgumentDescription, into page: inout Troff) {
        let value = argument.kind == .flag ? "" : " " + Troff.italic(argument.value)
        let names = argument.names.map(Troff.bold).joined(separator: ", ")
        page.macro("TP")
        page.line(argument.kind == .positional ? Troff.italic(argument.value) : names + value)
        page.paragraphs(argument.abstract.isEmpty ? "See the discussion above." : argument.abstract)
        if !argument.discussion.isEmpty { page.paragraphs(argument.discussion) }
        if !argument.choices.isEmpty, argument.kind != .flag {
            page.line("One of " + argument.choices.map(Troff.bold).joined(separator: ", ") + ".")
        }
        if let value = argument.defaultValue, argument.kind != .flag {
            page.line("Default: " + Troff.bold(value) + ".")
        }
    }

    /// What the commands do not say of themselves.
    private func close(_ page: inout Troff) {
        page.macro("SH", "EXIT STATUS")
        for (status, meaning) in [
            ("0", "All went well."), ("1", "A run failed, or what was asked for could not be done."),
            ("2", "The command line is wrong, or a pipeline or the configuration is not valid."),
            ("130", "It was interrupted."),
        ] {
            page.macro("TP")
            page.line(Troff.bold(status))
            page.line(meaning)
        }
        page.macro("SH", "ENVIRONMENT")
        page.paragraphs("Every setting of `runnel.yaml` has a variable that wins over the file:")
        for setting in SettingList.all {
            guard let variable = setting.variable else { continue }
            page.macro("TP")
            page.line(Troff.bold(variable))
            page.paragraphs(setting.schema["description"]?.asString ?? setting.name)
        }
        page.macro("TP")
        page.line(Troff.bold("RUNNEL_CONFIG"))
        page.paragraphs("The configuration to use instead of the nearest `runnel.yaml`.")
        page.macro("SH", "FILES")
        for (file, meaning) in [
            ("runnel.yaml", "The configuration, in the folder of the pipelines or above it."),
            (".runnel/journal.db", "The runs, beside `runnel.yaml`."),
        ] {
            page.macro("TP")
            page.line(Troff.italic(file))
            page.paragraphs(meaning)
        }
    }

    /// The line under NAME begins small and has no dot at its end, as whatis(1) shows it.
    private func sentence(_ text: String) -> String {
        let line = text.hasSuffix(".") ? String(text.dropLast()) : text
        return line.prefix(1).lowercased() + line.dropFirst()
    }
}
