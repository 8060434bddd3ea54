import ArgumentParser
import LibC

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel trust`
struct TrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Trust the projects and plugins of another user in a folder.",
        discussion: HelpText.text(
            """
            A project or plugin that belongs to neither you nor root is not used, since it can start programs and \
            see your secrets. What is below a folder that you trust is trusted too. Where nobody can type, as in a \
            container, RUNNEL_TRUST=/folder:/other does the same.
            """,
            examples: [
                "runnel trust /srv/automation": "Trusts the projects in a folder.",
                "runnel trust --list": "Shows what is trusted.",
            ]))

    @Argument(help: "The folders.", completion: .directory) var folders: [String] = []
    @Flag(help: "List the trusted folders.") var list = false
    @Flag(help: "Stop trusting these folders.") var remove = false

    func validate() throws {
        if list, remove || !folders.isEmpty { throw ValidationError("--list cannot be combined with other arguments") }
        if !list, folders.isEmpty { throw ValidationError("name a folder, or use --list") }
        for folder in folders { try FolderArgument.check(folder) }
    }

    func run() async throws {
        let trusted = TrustedFolders(ProcessInfo.processInfo.environment)
        if list {
            for folder in trusted.all { Streams.output.write(folder + "\n") }
            return
        }
        var all = trusted.all
        for folder in folders {
            // A folder that no longer exists can still be removed by its name.
            let real = realPath(folder) ?? FileReading.absolute(folder)
            if remove {
                guard all.contains(real) else {
                    throw ExitStatus.usage.reporting(
                        "\"\(real)\" is not trusted", hint: "`runnel trust --list` lists the trusted folders")
                }
                all.removeAll { $0 == real }
            } else {
                guard FileReading.isFolder(real) else {
                    throw ExitStatus.usage.reporting("there is no folder \"\(folder)\"")
                }
                guard !real.contains(where: \.isNewline) else {
                    throw ExitStatus.usage.reporting("the name \"\(folder)\" contains a line break")
                }
                if !all.contains(real) { all.append(real) }
            }
        }
        do {
            try trusted.set(all)
        } catch {
            throw ExitStatus.usage.reporting("\(error)")
        }
        for folder in folders {
            let real = realPath(folder) ?? FileReading.absolute(folder)
            Streams.error.write(
                remove ? "\(real) is no longer trusted\n" : "\(real) and everything below it is now trusted\n")
        }
    }
}
