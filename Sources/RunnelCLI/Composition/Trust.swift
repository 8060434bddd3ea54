internal import LibC
import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Decides which projects and plugins are used: those of this user and of root, and those in folders trusted with
/// `runnel trust` or `RUNNEL_TRUST`.
///
/// A configuration can start programs and send secrets elsewhere, so one that another user planted in a parent folder
/// must not be used (like CVE-2022-24765).
struct Trust: Sendable {
    /// A file or folder that belongs to another user.
    struct Problem: Error, Hashable {
        let message: String
        let hint: String
    }

    let user: uid_t
    /// The folder at which the upward search for `runnel.yaml` stops.
    let home: String
    /// Trusted folders as real paths; everything below them is trusted too.
    let folders: [String]
    /// The user who called `sudo`, whose files are trusted.
    private let caller: uid_t?

    static var current: Trust {
        let environment = ProcessInfo.processInfo.environment
        let listed = (environment["RUNNEL_TRUST"] ?? "").split(separator: ":").map(String.init)
        let home = TrustedFolders.home(environment)
        return Trust(
            user: geteuid(), home: home, folders: listed + TrustedFolders(environment).all,
            caller: environment["SUDO_UID"].flatMap { uid_t($0) })
    }

    /// - Parameter caller: Used only if the user is root.
    init(user: uid_t, home: String, folders: [String], caller: uid_t? = nil) {
        self.user = user
        self.home = home
        self.folders = folders.compactMap(realPath)
        self.caller = user == 0 ? caller : nil
    }

    /// The reason why the file or folder must not be used; nil if it may, or does not exist.
    ///
    /// - Parameter folder: The folder to trust: that of the project or plugin.
    func problem(with path: String, in folder: String) -> Problem? {
        // Both a link and its target must be trusted.
        guard let owner = Self.owners(of: path).first(where: { !isTrusted($0) }), !isListed(folder) else { return nil }
        return Problem(
            message:
                "\"\(FileReading.shown(path))\" belongs to \(Self.name(of: owner)), and you are \(Self.name(of: user))",
            hint:
                "it can start programs and use your secrets; if you trust it, run `runnel trust \(folder)`, or set RUNNEL_TRUST=\(folder)"
        )
    }

    /// The same for all files of a project.
    func problem(withProject folder: String, configuration: String?) -> Problem? {
        for path in [configuration, folder, folder + "/.runnel", folder + "/plugins"].compactMap(\.self) {
            if let problem = problem(with: path, in: folder) { return problem }
        }
        return nil
    }

    /// The name of one of the users who is neither trusted nor an owner of the project; nil if there is none. The server of a
    /// project that was trusted with `runnel trust` may run as its owner.
    func stranger(among users: Set<uid_t>, project folder: String) -> String? {
        let owners = [folder, folder + "/.runnel"].flatMap(Self.owners)
        return users.sorted().first { !isTrusted($0) && !owners.contains($0) }.map(Self.name)
    }

    /// Whether the search for `runnel.yaml` continues above the folder.
    func goesOn(above folder: String) -> Bool {
        var here = stat()
        var above = stat()
        guard folder != "/" else { return false }
        // Skips folders that do not exist yet.
        guard stat(folder, &here) == 0, stat(FileReading.folder(of: folder), &above) == 0 else { return true }
        var ownHome = stat()
        if stat(home, &ownHome) == 0, ownHome.st_dev == here.st_dev, ownHome.st_ino == here.st_ino { return false }
        return here.st_dev == above.st_dev && (isTrusted(here.st_uid) || isListed(folder))
    }

    private func isTrusted(_ owner: uid_t) -> Bool { owner == user || owner == 0 || owner == caller }

    private func isListed(_ path: String) -> Bool {
        guard let path = realPath(path) else { return false }
        return folders.contains { path == $0 || path.hasPrefix($0 == "/" ? $0 : $0 + "/") }
    }

    /// The owners of a link and of its target; empty if the path does not exist.
    private static func owners(of path: String) -> [uid_t] {
        var (link, target) = (stat(), stat())
        guard lstat(path, &link) == 0 else { return [] }
        return stat(path, &target) == 0 ? [link.st_uid, target.st_uid] : [link.st_uid]
    }

    /// `"ada" (uid 1000)`
    private static func name(of user: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else {
            return "the user with the uid \(user)"
        }
        return "\"\(String(cString: name))\" (uid \(user))"
    }
}

/// The folders that this user trusts, stored in a file that only this user can write.
struct TrustedFolders {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let file: String

    init(_ environment: [String: String]) {
        let folder =
            environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? Self.home(environment)
            + "/.config"
        file = folder + "/runnel/trust"
    }

    static func home(_ environment: [String: String]) -> String {
        environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? FileManager.default.homeDirectoryForCurrentUser.path
    }

    /// Absolute paths in the order they were added. A file that others can write is ignored.
    var all: [String] {
        var status = stat()
        guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o022 == 0,
            status.st_uid == geteuid() || status.st_uid == 0, let data = FileManager.default.contents(atPath: file)
        else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init).filter {
            $0.hasPrefix("/")
        }
    }

    func set(_ folders: [String]) throws(Failure) {
        let folder = FileReading.folder(of: file)
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(description: "cannot create the folder \"\(folder)\": \(NewFiles.reason(error))")
        }
        if let code = PrivateFile.replace(file, with: folders.map { $0 + "\n" }.joined()) {
            let reason = BoundedFile.Failure(code: code).reason
            throw Failure(description: "cannot write \"\(file)\": \(reason); check that the folder is yours")
        }
    }
}
