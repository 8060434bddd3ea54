import PipelineTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Finds the pipelines in a folder.
enum PipelineFiles {
    /// The file itself; or every `.yaml` and `.yml` file below a folder, sorted, without configuration and tests. Throws
    /// where there is none.
    static func under(_ path: String) throws(FileReading.Failure) -> [String] {
        let files = try all(in: path)
        guard !files.isEmpty else { throw FileReading.Failure(message: "there is no pipeline (.yaml) in \"\(path)\"") }
        return files
    }

    /// The same, where there may be none.
    static func all(in path: String) throws(FileReading.Failure) -> [String] {
        var isDirectory = false
        guard FileReading.exists(path, isDirectory: &isDirectory) else {
            throw FileReading.Failure(message: "there is no file or folder \"\(path)\"")
        }
        guard isDirectory else { return [path] }
        let names: [String]
        do {
            names = try FileManager.default.subpathsOfDirectory(atPath: path)
        } catch {
            throw FileReading.Failure(message: "the folder \"\(path)\" cannot be read; check its permissions")
        }
        let files = names.filter { name in
            let last = name.split(separator: "/").last ?? ""
            let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") }
            return !isHidden && (last.hasSuffix(".yaml") || last.hasSuffix(".yml")) && last != "runnel.yaml"
                && last != "plugin.yaml"
                && !PipelineTestFiles.isTestFile(String(last))
        }
        return files.sorted().map { path == "." ? $0 : path.hasSuffix("/") ? path + $0 : path + "/" + $0 }
    }
}
