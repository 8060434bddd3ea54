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
            Streams.error.write(
                "error: \(names) \(there.count == 1 ? "is" : "are") there already; nothing was written\n  = \(hint)\n")
            throw ExitStatus.usage
        }
        for file in files {
            let path = "\(folder)/\(file.path)"
            do {
                try FileManager.default.createDirectory(
                    atPath: FileReading.folder(of: path), withIntermediateDirectories: true)
                try file.text.write(toFile: path, atomically: true, encoding: .utf8)
                if file.isProgram {
                    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
                }
            } catch {
                Streams.error.write(
                    "error: \"\(shown(file.path))\" cannot be written; check the folder's permissions\n")
                throw ExitStatus.runFailed
            }
            Streams.output.write("  \(shown(file.path))\n")
        }
    }

    private func shown(_ path: String) -> String {
        folder == "." ? path : "\(folder)/\(path)"
    }
}
