import ArgumentParser
import RunnelEngine
package import RunnelKit
import RunnelReference
import RunnelServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel docs`
struct DocsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docs", abstract: "Generate the reference and the manual page.",
        discussion: HelpText.text(
            examples: [
                "runnel docs man | man -l -": "Shows the manual page."
            ]),
        subcommands: [DocsPagesCommand.self, DocsManCommand.self], defaultSubcommand: DocsPagesCommand.self)
}

/// `runnel docs pages`
struct DocsPagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pages", abstract: "Write the reference in Markdown, including the project's plugins.",
        discussion: HelpText.text(
            examples: [
                "runnel docs pages --out reference":
                    "Writes a page each for steps, triggers, settings, commands, the REST API and more."
            ]))

    @OptionGroup var options: ProjectOptions
    @Option(name: .customLong("out"), help: "The folder.", completion: .directory) var folder: String

    func validate() throws { try FolderArgument.check(folder, of: "--out") }

    func run() async throws {
        let registry = try await options.project().loader().registry
        let pages = try ReferencePages.all(registry, codes: ErrorCodes.ofModules)
            .merging(ProgramReference.pages()) { $1 }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, text) in pages {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
        } catch {
            throw ExitStatus.runFailed.reporting("cannot write the pages to \"\(folder)\": \(NewFiles.reason(error))")
        }
        for name in pages.keys.sorted() { Streams.output.write("\(folder)/\(name)\n") }
    }
}

/// `runnel docs man`
struct DocsManCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man", abstract: "Write the manual page: `runnel docs man | man -l -`.",
        discussion: HelpText.text(
            examples: [
                "runnel docs man > runnel.1": "Writes the page to a file."
            ]))

    func run() async throws {
        let page = try ManualPage(
            dump: try ProgramReference.commands(), version: RunnelCommand.version, plugins: RunnelCommand.plugins)
        Streams.output.write(page.text)
    }
}

/// What the reference says of the program itself, whatever the project and its plugins.
package enum ProgramReference {
    /// The commands, as `--experimental-dump-help` writes them.
    package static func commands() throws -> Value { try Value.json(RunnelCommand._dumpHelp()) }

    /// The pages by file name.
    package static func pages() throws -> [String: String] {
        try ReferencePages.ofProgram(
            commands: commands(), api: OpenAPIDocument(version: RunnelCommand.version).json)
    }
}
