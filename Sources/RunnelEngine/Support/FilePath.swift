#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Paths of files, as texts: no link is followed.
package enum FilePath {
    /// The path from the root, without "." and "..".
    ///
    /// - Parameter path: Relative to the current folder, or absolute.
    package static func absolute(_ path: String) -> String {
        let start = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var parts: [Substring] = []
        for part in start.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The path relative to the folder; nil if it is not below it.
    static func relative(_ path: String, to folder: String) -> String? {
        let (path, folder) = (absolute(path), folder + "/")
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : nil
    }
}
