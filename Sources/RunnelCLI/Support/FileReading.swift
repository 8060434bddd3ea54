import LibC
import RunnelEngine
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads files named on the command line.
enum FileReading {
    /// An error that quotes the path as typed and the reason.
    struct Failure: Error, CustomStringConvertible {
        let message: String
        var description: String { message }
    }

    /// The maximum size of input from a file or standard input, in bytes.
    static let maximumInput = 64 << 20

    /// The contents of a file. A file larger than `limit` bytes is an error, and is not read to the end.
    ///
    /// - Parameter advice: What to do about a larger file.
    static func bytes(
        of path: String, limit: Int = maximumInput, advice: String? = nil
    ) throws(Failure) -> [UInt8] {
        let bytes = try contents(of: path, limit: limit, waits: true)
        guard bytes.count <= limit else {
            throw Failure(
                message: "\"\(path)\" is larger than \(limit >> 20) MiB" + (advice.map { "; \($0)" } ?? ""))
        }
        return bytes
    }

    /// Reads a YAML file, up to just beyond the parser's limit, so that the parser reports a file that is too large.
    ///
    /// - Parameter waits: Whether to wait for the writer of a named pipe. Files below `/dev` are always waited for.
    static func yaml(of path: String, waits: Bool = false) throws(Failure) -> [UInt8] {
        try contents(of: path, limit: YAMLLimits.default.maxBytes, waits: waits || path.hasPrefix("/dev/"))
    }

    /// The error for a path without a file. A listed file whose name is not UTF-8 cannot be found under its shown name.
    static func missing(_ path: String) -> Failure {
        if path.hasReplacedBytes { return Failure(message: "the name of \"\(path)\" is not UTF-8; rename it") }
        return unreachable(path) ?? Failure(message: "there is no file \"\(path)\"")
    }

    /// Why something at a path cannot be reached: a dangling link, or no permission to enter a folder on the way; nil if
    /// nothing is there.
    static func unreachable(_ path: String) -> Failure? {
        var status = stat()
        guard stat(path, &status) != 0 else { return nil }
        let error = BoundedFile.Failure(code: errno)
        if error.code == EACCES { return Failure(message: "cannot read the file \"\(path)\": \(error.text)") }
        return leadsNowhere(path) ? Failure(message: "\"\(path)\" is a link to a file that is not there") : nil
    }

    /// Throws where there is a file with the ending `.yml` in the place of one with `.yaml`, which alone is read.
    ///
    /// - Parameter path: The path of the file that is missing, with its ending `.yaml`.
    static func refuseOtherEnding(of path: String) throws(Failure) {
        let other = path.dropLast(".yaml".count) + ".yml"
        guard exists(String(other)) else { return }
        let name = path.split(separator: "/").last ?? ""
        throw Failure(message: "\"\(shown(String(other)))\" is not read; rename it to \"\(name)\"")
    }

    /// Whether the path is a dangling symbolic link.
    static func leadsNowhere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK && !exists(path)
    }

    private static func contents(of path: String, limit: Int, waits: Bool) throws(Failure) -> [UInt8] {
        do throws(BoundedFile.Failure) {
            return try BoundedFile.bytes(of: path, limit: limit, waits: waits)
        } catch {
            guard exists(path) else { throw missing(path) }
            guard !isFolder(path) else { throw Failure(message: "\"\(path)\" is a directory, not a file") }
            throw Failure(message: "cannot read the file \"\(path)\": \(error.text)")
        }
    }

    /// Whether a path in the folder resolves through symbolic links to a file outside of it.
    static func leads(out folder: String, _ path: String) -> Bool {
        guard absolute(path).hasPrefix(folder + "/"), let real = realPath(path), let base = realPath(folder)
        else { return false }
        return !real.hasPrefix(base == "/" ? base : base + "/")
    }

    /// All of standard input.
    static func standardInput() throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
                count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(message: "standard input cannot be read: \(BoundedFile.Failure(code: errno).reason)")
            }
            if count == 0 { return bytes }
            bytes += piece
            guard bytes.count <= maximumInput else {
                throw Failure(message: "standard input is larger than \(maximumInput >> 20) MiB")
            }
        }
    }

    /// Whether this path of a pipeline means standard input.
    static func isStandardInput(_ path: String) -> Bool { path == "-" || path == "/dev/stdin" }

    /// Whether the path can be read only once and belongs to no project: `/dev/stdin`, a process substitution, a named pipe.
    static func isStream(_ path: String) -> Bool {
        var status = stat()
        return isStandardInput(path) || absolute(path).hasPrefix("/dev/")
            || (stat(path, &status) == 0 && [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT))
    }

    /// Whether another program writes there.
    static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// Whether somebody has sent something there: a pipe or a file, and neither a terminal nor `/dev/null`.
    static func isGiven(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && [S_IFIFO, S_IFREG].contains(status.st_mode & S_IFMT)
    }

    /// Throws if the current folder has been removed: ``absolute(_:)`` would resolve relative paths against `/`.
    static func checkCurrentFolder() throws(Failure) {
        guard FileManager.default.currentDirectoryPath.isEmpty else { return }
        throw Failure(message: "the current folder has been removed\n  = change to a folder that exists")
    }

    /// Throws unless the path is that of a folder.
    static func checkFolder(_ path: String) throws(Failure) {
        if !path.hasPrefix("/") { try checkCurrentFolder() }
        guard exists(path) else { throw Failure(message: "there is no folder \"\(path)\"") }
        guard isFolder(path) else {
            throw Failure(message: "\"\(path)\" is a file, not a folder\n  = name its folder: \(folder(of: path))")
        }
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func isFolder(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }

    /// The absolute path, without `.` and `..`.
    static func absolute(_ path: String) -> String { FilePath.absolute(path) }

    /// The path for messages: relative to the current folder if it is below it.
    static func shown(_ path: String) -> String {
        let here = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }

    static func folder(of path: String) -> String {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        return path.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent
    }
}
