import RunnelKit

/// A command as `--experimental-dump-help` of swift-argument-parser describes it (ToolInfo, version 0).
struct CommandDescription: Sendable {
    let name: String
    let abstract: String
    /// Without the examples.
    let discussion: String
    /// Commands to type, each with what it does.
    let examples: [(command: String, meaning: String)]
    let arguments: [ArgumentDescription]
    let subcommands: [CommandDescription]
    let defaultSubcommand: String?
    let isShown: Bool

    /// The root of what `--experimental-dump-help` wrote.
    init(dump: Value) throws(ManualPageError) {
        guard let command = dump["command"] else {
            throw ManualPageError(message: "the description of the commands has no \"command\"")
        }
        guard dump["serializationVersion"]?.asInt == 0 else {
            let found = dump["serializationVersion"]?.json() ?? "none"
            throw ManualPageError(message: "the description of the commands has the unknown version \(found)")
        }
        try self.init(command, path: "")
    }

    private init(_ value: Value, path: String) throws(ManualPageError) {
        guard let name = value["commandName"]?.asString else {
            throw ManualPageError(message: "the command after \"\(path)\" has no \"commandName\"")
        }
        self.name = name
        abstract = value["abstract"]?.asString ?? ""
        (discussion, examples) = Self.split(value["discussion"]?.asString ?? "")
        defaultSubcommand = value["defaultSubcommand"]?.asString
        isShown = value["shouldDisplay"]?.asBool ?? true
        var arguments: [ArgumentDescription] = []
        for argument in value["arguments"]?.asList ?? [] {
            arguments.append(try ArgumentDescription(argument, path: path + "/" + name))
        }
        self.arguments = arguments
        var subcommands: [CommandDescription] = []
        for command in value["subcommands"]?.asList ?? [] {
            subcommands.append(try CommandDescription(command, path: path + "/" + name))
        }
        self.subcommands = subcommands
    }

    /// The command's own visible arguments.
    var shown: [ArgumentDescription] { arguments.filter { $0.isShown && !$0.isEverywhere } }

    /// The commands to describe below this one.
    var shownSubcommands: [CommandDescription] { subcommands.filter { $0.isShown && $0.name != "help" } }

    /// Parts the examples from what is said before them.
    private static func split(_ discussion: String) -> (text: String, examples: [(command: String, meaning: String)]) {
        let parts = discussion.split(separator: "Examples:\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let text = parts.first else { return (discussion, []) }
        let lines = parts[1].split(separator: "\n").map { String($0.drop { $0 == " " }) }
        let pairs = stride(from: 0, to: lines.count - 1, by: 2).map { (lines[$0], lines[$0 + 1]) }
        return (String(text), pairs)
    }
}

/// An argument, option or flag.
struct ArgumentDescription: Sendable {
    enum Kind: String, Sendable { case positional, option, flag }

    let kind: Kind
    /// The names, short ones first: `-n`, `--number`.
    let names: [String]
    let value: String
    let abstract: String
    let discussion: String
    let defaultValue: String?
    let choices: [String]
    let isOptional: Bool
    let isRepeating: Bool
    let isShown: Bool

    init(_ value: Value, path: String) throws(ManualPageError) {
        guard let kind = value["kind"]?.asString.flatMap(Kind.init) else {
            throw ManualPageError(
                message: "\(path) has an argument of an unknown kind: \(value["kind"]?.json() ?? "none")")
        }
        self.kind = kind
        names = (value["names"]?.asList ?? []).compactMap { name in
            guard let text = name["name"]?.asString else { return nil }
            return (name["kind"] == "long" ? "--" : "-") + text
        }.sorted { !$0.hasPrefix("--") && $1.hasPrefix("--") }
        self.value = value["valueName"]?.asString ?? names.last ?? "value"
        abstract = value["abstract"]?.asString ?? ""
        discussion = value["discussion"]?.asString ?? ""
        defaultValue = value["defaultValue"]?.asString
        choices = (value["allValues"]?.asList ?? []).compactMap(\.asString)
        isOptional = value["isOptional"]?.asBool ?? true
        isRepeating = value["isRepeating"]?.asBool ?? false
        isShown = value["shouldDisplay"]?.asBool ?? true
    }

    /// Whether all commands share it.
    var isEverywhere: Bool { names.contains("--help") || names.contains("--version") }
}
