public import RunnelKit

/// The manual page `runnel.1`, generated from the description of the commands.
public struct ManualPage: Sendable {
    private let root: CommandDescription
    private let version: String
    private let date: String
    private let plugins: [any Plugin]

    /// Decodes the description of the commands.
    /// - Parameters:
    ///   - dump: The output of `runnel --experimental-dump-help`.
    ///   - version: Of the program, for the page's foot.
    ///   - date: Of the page, such as `2026-11-24`; empty leaves it out.
    ///   - plugins: Whose settings have environment variables too.
    public init(
        dump: Value, version: String, date: String = "", plugins: [any Plugin] = []
    ) throws(ManualPageError) {
        root = try CommandDescription(dump: dump)
        self.version = version
        self.date = date
        self.plugins = plugins
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
        page.line("Options of all commands.")
        for argument in root.arguments where argument.isShown { entry(argument, into: &page) }
        page.macro("SH", "COMMANDS")
        for command in root.shownSubcommands { section(command, path: root.name, into: &page) }
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
            page.line("Without a subcommand it does what " + Troff.bold("\(name) \(usual)") + " does.")
        }
        if !command.discussion.isEmpty {
            page.macro("PP")
            page.paragraphs(command.discussion)
        }
        for argument in command.shown { entry(argument, into: &page) }
        for inner in command.shownSubcommands { section(inner, path: name, into: &page) }
    }

    /// An argument in the synopsis.
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
            page.line("Default: " + Troff.bold(value) + (value.hasSuffix(".") ? "" : "."))
        }
    }

    private static func examples(of command: CommandDescription) -> [(command: String, meaning: String)] {
        command.examples + command.subcommands.filter(\.isShown).flatMap(examples)
    }

    /// Adds the sections that the description of the commands lacks.
    private func close(_ page: inout Troff) {
        let examples = Self.examples(of: root)
        if !examples.isEmpty {
            page.macro("SH", "EXAMPLES")
            for (command, meaning) in examples {
                page.macro("TP")
                page.line(Troff.bold(command))
                page.paragraphs(meaning)
            }
        }
        page.macro("SH", "EXIT STATUS")
        for (status, meaning) in ExitStatuses.all {
            page.macro("TP")
            page.line(Troff.bold(status))
            page.line(meaning)
        }
        page.macro("SH", "ENVIRONMENT")
        page.paragraphs("Every setting of `runnel.yaml` has an environment variable that overrides it:")
        for setting in SettingList.all(plugins) {
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
            ("runnel.yaml", "The configuration, in the pipeline's folder or a parent folder."),
            (".runnel/journal.db", "The runs, next to `runnel.yaml`."),
        ] {
            page.macro("TP")
            page.line(Troff.italic(file))
            page.paragraphs(meaning)
        }
    }

    /// The line under NAME starts in lower case and has no full stop, for whatis(1).
    private func sentence(_ text: String) -> String {
        let line = text.hasSuffix(".") ? String(text.dropLast()) : text
        return line.prefix(1).lowercased() + line.dropFirst()
    }
}

/// What the exit status of `runnel` says.
enum ExitStatuses {
    static let all: [(status: String, meaning: String)] = [
        ("0", "Success."), ("1", "A run failed, or the command could not be completed."),
        ("2", "The command line, a pipeline or the configuration is invalid, or names what is not there."),
        ("130", "Interrupted."),
    ]
}

/// An error in the description of the commands.
public struct ManualPageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Stable and in kebab case.
    public let code = "bad-help-dump"
    /// A sentence that says what is missing.
    public let message: String
    /// The message.
    public var description: String { message }
}

/// Writes the man(7) language.
struct Troff {
    private(set) var text = ""

    /// A macro with arguments: `.TP`, `.SH NAME`.
    mutating func macro(_ name: String, _ arguments: String...) {
        text += "." + ([name] + arguments.map(Self.quoted)).joined(separator: " ") + "\n"
    }

    /// A line of text, which may contain results of ``bold(_:)`` and ``italic(_:)``.
    mutating func line(_ text: String) {
        // A leading dot or apostrophe would make it a macro.
        self.text += (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text + "\n"
    }

    /// Text with code in backticks. Each line is a paragraph; one that begins with a space needs no macro to begin.
    mutating func paragraphs(_ text: String) {
        for (index, line) in text.split(separator: "\n").enumerated() {
            if index > 0, !line.hasPrefix(" ") { macro("br") }
            self.line(Self.prose(String(line)))
        }
    }

    static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
    static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    /// Text with backticked code in bold.
    static func prose(_ text: String) -> String {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated()
            .map {
                $0.offset % 2 == 1 && $0.offset < parts.count - 1
                    ? bold(String($0.element)) : escaped(String($0.element))
            }
            .joined()
    }

    /// Escapes hyphens, so that they can be copied, and other Unicode characters, so that the page is ASCII.
    static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "…": "..."
            case "\n", "\t": " "
            default:
                if scalar.isASCII {
                    scalar.properties.generalCategory == .control ? "" : String(scalar)
                } else {
                    "\\[u\(hexadecimal(scalar.value))]"
                }
            }
        }.joined()
    }

    private static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func quoted(_ argument: String) -> String {
        argument.isEmpty || argument.contains(" ") ? "\"\(argument.replacing("\"", with: "\\(dq"))\"" : argument
    }
}
