import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Lists files below a folder.
struct FolderWalk {
    let base: String
    private static let maximumFiles = 100_000

    init(base: String) {
        self.base = base
    }

    /// Paths relative to the base, sorted.
    func files(matching pattern: Glob) throws(StepError) -> [String] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: base) else {
            throw StepError(FileErrorCode.fileFailed, "cannot list \"\(base)\"")
        }
        var found: [String] = []
        for name in names where pattern.matches(path: name) {
            let attributes = try? FileManager.default.attributesOfItem(atPath: base + "/" + name)
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            found.append(name)
            guard found.count <= Self.maximumFiles else {
                throw StepError(
                    FileErrorCode.tooManyFiles, "more than \(Self.maximumFiles) files match", hint: "narrow the pattern"
                )
            }
        }
        return found.sorted()
    }
}
