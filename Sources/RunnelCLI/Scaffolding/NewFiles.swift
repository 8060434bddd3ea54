import LibC
import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// New files that are created all together or not at all.
struct NewFiles {
    /// Absolute, or relative to the current folder.
    let folder: String
    var files: [(path: String, text: String, isProgram: Bool)]

    /// Writes and lists them. Existing files are never overwritten.
    func write(ifThere hint: String) throws {
        let there = files.map(\.path).filter { FileReading.exists("\(folder)/\($0)") }
        guard there.isEmpty else {
            let names = there.map { "\"\(shown($0))\"" }.joined(separator: ", ")
            throw ExitStatus.usage.reporting(
                "\(names) \(there.count == 1 ? "is" : "are") there already; nothing was written", hint: hint)
        }
        var made: [String] = []
        for file in files {
            let path = "\(folder)/\(file.path)"
            do {
                made += try createFolder(FileReading.folder(of: path))
                made.append(path)
                try file.text.write(toFile: path, atomically: true, encoding: .utf8)
                if file.isProgram {
                    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
                }
            } catch {
                // Folders stand before what is in them.
                for path in made.reversed() { try? FileManager.default.removeItem(atPath: path) }
                throw ExitStatus.runFailed.reporting(
                    "\"\(shown(file.path))\" cannot be written: \(Self.reason(error)); nothing was written")
            }
        }
        for file in files { Streams.output.write("  \(shown(file.path))\n") }
    }

    /// The folders that were missing, the outermost first.
    private func createFolder(_ path: String) throws -> [String] {
        guard !FileReading.exists(path) else { return [] }
        let parent = FileReading.folder(of: path)
        let outer = try path.contains("/") ? createFolder(parent) : []
        if FileReading.exists(parent), !FileReading.isFolder(parent) { throw CocoaError(.fileWriteFileExists) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return outer + [path]
    }

    /// Why a file cannot be written, for the end of a sentence.
    static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileWriteOutOfSpace: "there is no space left on the disk"
        case .fileWriteVolumeReadOnly: "the file system is read-only"
        case .fileWriteNoPermission: "permission denied; check the permissions of the folder"
        case .fileWriteFileExists, .fileNoSuchFile: "a part of its path is not a folder"
        default:
            switch ((error as? CocoaError)?.underlying as? POSIXError)?.code {
            case .ENOTDIR: "a part of its path is not a folder"
            case let code?: BoundedFile.Failure(code: code.rawValue).reason
            case nil: "\(error)"
            }
        }
    }

    private func shown(_ path: String) -> String {
        folder == "." ? path : "\(folder)/\(path)"
    }
}
