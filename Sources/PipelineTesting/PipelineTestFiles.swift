internal import RunnelEngine

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Finds test files.
public enum PipelineTestFiles {
    /// Whether a file of this name holds tests of a pipeline.
    public static func isTestFile(_ name: String) -> Bool {
        name.hasSuffix(".test.yaml") || name.hasSuffix(".test.yml")
    }

    /// The file itself; or every test file below a folder, sorted, none in a folder whose name begins with a dot. nil
    /// when there is no such file or folder.
    public static func under(_ path: String) -> [String]? {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
        guard isDirectory else { return [path] }
        return FolderListing(path, where: isTestFile).files()
    }
}
