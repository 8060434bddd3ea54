import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelReference

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
                "runnel docs pages --out reference": "One page each for steps, triggers, settings and errors."
            ]))

    @OptionGroup var options: ProjectOptions
    @Option(name: .customLong("out"), help: "The folder.", completion: .directory) var folder: String

    func run() async throws {
        let registry = try await options.project().loader().registry
        let pages = try ReferencePages.all(registry, codes: ErrorCodes.ofModules)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, text) in pages {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
        } catch {
            Streams.error.write("error: cannot write the pages to \"\(folder)\": \(NewFiles.reason(error))\n")
            throw ExitStatus.runFailed
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
        let dump = try Value.json(Array(RunnelCommand._dumpHelp().utf8))
        let page = try ManualPage(dump: dump, version: RunnelCommand.version, plugins: RunnelCommand.plugins)
        Streams.output.write(page.text)
    }
}
