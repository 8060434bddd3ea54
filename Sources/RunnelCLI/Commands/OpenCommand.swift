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
            "The variable BROWSER names another browser.",
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
        let project = try options.project(runsCommands: true)
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
        let browsers = print ? [] : Browser.all(ProcessInfo.processInfo.environment)
        if !browsers.isEmpty {
            let link = try await makeLink("&seconds=60")
            let file = LinkFile(
                directory: FileReading.absolute(project.stateDirectory),
                home: TrustedFolders.home(ProcessInfo.processInfo.environment),
                hasSnap: FileReading.exists("/var/lib/snapd"))
            let shown = file.make(link) ?? link
            if browsers.contains(where: { $0.open(shown) }) { return }
        }
        Streams.output.write("\(try await makeLink())\n")
    }
}

/// A program that opens a link or an HTML file, with its arguments.
struct Browser {
    /// `%s` stands for the link; without it, the link is the last argument.
    let words: [String]

    /// Runs a browser in the background, because it may run until the user closes it. Fails if the browser fails within a
    /// second.
    private static let background = #""$0" "$1" >/dev/null 2>&1 & sleep 1; kill -0 $! 2>/dev/null || wait $!"#

    /// The programs of this machine to try in turn: those of `BROWSER`, a list separated by colons, then the browser of the
    /// system. `xdg-open` comes last, because it may open an HTML file in an editor.
    static func all(
        _ environment: [String: String], isProgram: (String) -> Bool = FileManager.default.isExecutableFile
    ) -> [Browser] {
        let folders = (environment["PATH"] ?? "/usr/bin").split(separator: ":")
        func find(_ name: String) -> String? {
            name.contains("/") ? name : folders.map { "\($0)/\(name)" }.first(where: isProgram)
        }
        let named = (environment["BROWSER"] ?? "").split(separator: ":").compactMap { entry -> Browser? in
            let words = entry.split(separator: " ").map(String.init)
            return words.first.flatMap(find).map { Browser(words: [$0] + words.dropFirst()) }
        }
        #if os(macOS)
        return named + [Browser(words: ["/usr/bin/open"])]
        #else
        guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return [] }
        let system = find("x-www-browser").map { Browser(words: ["/bin/sh", "-c", background, $0]) }
        return named + [system, find("xdg-open").map { Browser(words: [$0]) }].compactMap(\.self)
        #endif
    }

    func arguments(for link: String) -> [String] {
        let replaced = words.map { $0.replacing("%s", with: link) }
        return replaced == words ? words + [link] : replaced
    }

    /// Runs the program, and returns whether it succeeded.
    func open(_ link: String) -> Bool {
        let words = arguments(for: link)
        guard let program = words.first else { return false }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        var variables: [UnsafeMutablePointer<CChar>?] = ProcessInfo.processInfo.environment.map {
            strdup("\($0.key)=\($0.value)")
        }
        arguments.append(nil)
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
