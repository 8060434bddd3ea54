import ArgumentParser
internal import LibC
import RunnelEngine
import RunnelKit
internal import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel open`
struct OpenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Open the dashboard of a running server in the browser, signed in.",
        discussion: HelpText.text(
            """
            The link signs in once, within a minute. Where there is no browser, it is printed, and signs in within ten \
            minutes.
            """,
            examples: [
                "runnel open": "The page that says what needs you.",
                "runnel open last": "The newest run.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "A run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run: String?
    @Flag(help: "Print the link instead of opening it.") var print = false

    func run() async throws {
        let project = try options.project()
        var path = "/"
        if let run {
            let journal = try options.journal(of: project)
            let record = try await withJournalErrors(closing: journal) { try await journal.find(run) }
            path = "/runs/\(record.id)"
        }
        let client = ServerClient(project: project)
        let to = PercentEncoding.encode(path, allowed: PercentEncoding.unreserved)
        func link(_ lifetime: String = "") async throws -> String {
            let answer = try await client.request("POST", "/sign-in-links?to=\(to)\(lifetime)", within: 5)
            return client.origin + (answer["path"]?.asString ?? path)
        }
        // Other users of the machine can see the arguments of a process, so the link is valid for a short time.
        if !print, let program = Self.browser(), Self.open(try await link("&seconds=60"), with: program) { return }
        Streams.output.write("\(try await link())\n")
    }

    /// The program that opens links in a browser; nil where there is none.
    private static func browser() -> String? {
        #if os(macOS)
        let candidates = ["/usr/bin/open"]
        #else
        let environment = ProcessInfo.processInfo.environment
        guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return nil }
        let folders = (environment["PATH"] ?? "/usr/bin").split(separator: ":")
        let candidates = folders.map { "\($0)/xdg-open" }
        #endif
        return candidates.first(where: FileManager.default.isExecutableFile)
    }

    /// Runs the program with the link as its argument, without a shell. Returns whether it succeeded.
    private static func open(_ link: String, with program: String) -> Bool {
        let environment = ProcessInfo.processInfo.environment
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), strdup(link), nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        variables.append(nil)
        defer { for text in arguments + variables { free(text) } }
        var child = pid_t()
        guard posix_spawn(&child, program, nil, nil, &arguments, &variables) == 0 else { return false }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return false } }
        return status == 0
    }
}
