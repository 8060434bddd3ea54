import LibC
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The folders of a project that `runnel serve` and `runnel mcp` have served. The pipelines in them are code and stay
/// protected, also in other processes that work on the project's runs and while no server runs.
struct ServedFolders {
    private let project: String
    private let file: String

    init(_ project: Project) {
        self.project = project.directory
        file = project.stateDirectory + "/served"
    }

    /// Relative to the project's folder; `.` is that folder itself.
    var all: [String] {
        let data = FileManager.default.contents(atPath: file) ?? Data()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Records a folder. Folders outside of the project are inaccessible anyway.
    func add(_ folder: String) {
        guard let real = realPath(folder), let base = realPath(project),
            real == base || real.hasPrefix(base == "/" ? base : base + "/")
        else { return }
        let relative = String(real.dropFirst(base.count).drop { $0 == "/" })
        let shown = relative.isEmpty ? "." : relative
        let known = all
        guard !known.contains(shown), !shown.contains(where: \.isNewline) else { return }
        try? FileManager.default.createDirectory(
            atPath: FileReading.folder(of: file), withIntermediateDirectories: true)
        try? Data((known + [shown]).map { $0 + "\n" }.joined().utf8).write(
            to: URL(fileURLWithPath: file), options: .atomic)
    }
}

extension Project {
    /// The project's files as accessible to pipelines.
    func files(granted: Set<String> = []) -> ProjectDirectory {
        ProjectDirectory(
            path: directory, grantedFiles: granted,
            protected: ProtectedPlaces(
                allowed: settings.files.allow.map(\.text), pipelineFolders: ["pipelines"] + ServedFolders(self).all,
                configured: configuredFiles),
            followedLinks: Set(
                settings.files.links.map { $0.text.split(separator: "/").filter { $0 != "." }.joined(separator: "/") }))
    }
}
