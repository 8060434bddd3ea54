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
            The link works once, within a minute. Other users of the machine can see the arguments of programs, so the \
            browser gets the link in a file that only you can read. If the browser could not read the file, it gets the \
            link itself. If no page appears, use `--print`.
            """,
            "Without a browser, the link is printed, and works once, within ten minutes.",
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
        func makeLink(_ lifetime: String = "") async throws -> String {
            let answer = try await client.request("POST", "/sign-in-links?to=\(to)\(lifetime)", within: 5)
            return client.origin + (answer["path"]?.asString ?? path)
        }
        if !print, let program = Self.browser() {
            let link = try await makeLink("&seconds=60")
            let file = LinkFile(
                directory: FileReading.absolute(project.stateDirectory),
                home: TrustedFolders.home(ProcessInfo.processInfo.environment),
                hasSnap: FileReading.exists("/var/lib/snapd"))
            if Self.open(file.make(link) ?? link, with: program) { return }
        }
        Streams.output.write("\(try await makeLink())\n")
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

    /// Runs the program with the link or the file as its argument, without a shell. Returns whether it succeeded.
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

/// An HTML file that redirects to a link, and that only this user can read. Other users of the machine can see the
/// arguments of programs, so the browser gets the path of the file instead of the link.
struct LinkFile {
    /// The folder of the journal.
    let directory: String
    let home: String
    /// Whether snap is installed: the browser may be a snap package.
    let hasSnap: Bool

    private var path: String { directory + "/open.html" }

    /// Writes the file, or replaces the former one.
    ///
    /// - Returns: Its path; nil if another user could replace it, if it cannot be written, or if it is not ``isReadable``.
    func make(_ link: String) -> String? {
        var status = stat()
        guard isReadable, lstat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            status.st_mode & 0o022 == 0, status.st_uid == geteuid(),
            PrivateFile.replace(path, with: Self.page(link)) == nil
        else { return nil }
        return path
    }

    /// Whether every browser can read the file. Snap packages cannot read files outside the home folder, or in its hidden
    /// folders.
    var isReadable: Bool {
        !hasSnap || path.hasPrefix(home + "/") && path.dropFirst(home.count + 1).first != "."
    }

    private static func page(_ link: String) -> String {
        let address = link.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
        return """
            <!doctype html>
            <meta charset="utf-8">
            <meta name="referrer" content="no-referrer">
            <meta http-equiv="refresh" content="0; url=\(address)">
            <title>Runnel</title>
            <p><a href="\(address)">Open the dashboard</a></p>

            """
    }
}
