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

    /// Paths relative to the base, sorted. Hidden files and folders match only a pattern that names the dot.
    func files(matching pattern: GlobPattern) throws(StepError) -> [String] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: base) else {
            throw StepError("file-failed", "cannot list \"\(base)\"")
        }
        var found: [String] = []
        for name in names where pattern.matches(name) {
            let attributes = try? FileManager.default.attributesOfItem(atPath: base + "/" + name)
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            found.append(name)
            guard found.count <= Self.maximumFiles else {
                throw StepError(
                    "too-many-files", "more than \(Self.maximumFiles) files match", hint: "narrow the pattern")
            }
        }
        return found.sorted()
    }

    /// The names in an open folder, for suggestions.
    static func names(in folder: Int32) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd/\(folder)/")) ?? []
    }
}

/// A pattern for paths: `*` and `?` within a name, `**` for any number of folders.
struct GlobPattern {
    private let parts: [[Character]]

    init(_ pattern: String) {
        parts = pattern.split(separator: "/").filter { $0 != "." }.map(Array.init)
    }

    func matches(_ path: String) -> Bool {
        Self.matches(parts[...], path.split(separator: "/").map(Array.init)[...])
    }

    private static func matches(_ parts: ArraySlice<[Character]>, _ names: ArraySlice<[Character]>) -> Bool {
        guard let part = parts.first else { return names.isEmpty }
        if part == ["*", "*"] {
            if matches(parts.dropFirst(), names) { return true }
            guard let name = names.first, name.first != "." else { return false }
            return matches(parts, names.dropFirst())
        }
        guard let name = names.first, name.first != "." || part.first == ".", matchesName(part, name) else {
            return false
        }
        return matches(parts.dropFirst(), names.dropFirst())
    }

    /// Linear in the name for each star: the last star is the only one that has to be tried again.
    private static func matchesName(_ pattern: [Character], _ name: [Character]) -> Bool {
        var (p, n) = (0, 0)
        var star: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p, n)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let mark = star {
                p = mark.pattern + 1
                n = mark.name + 1
                star = (mark.pattern, mark.name + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}
