import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The folder of a ``ConfinedPath``, opened part by part without following a symbolic link.
///
/// What is opened is held, so that nobody can slip a link in between the check and the use. Links below the base are
/// refused, also those that would stay inside; the base itself may be reached through links.
struct ConfinedFolder {
    private let descriptor: Descriptor
    let path: ConfinedPath

    /// - Parameter makesFolders: Whether missing folders are made.
    init(of path: ConfinedPath, makesFolders: Bool, action: String) throws(StepError) {
        self.path = path
        let flags = O_RDONLY | O_DIRECTORY
        var current: Int32
        switch SystemCalls.open(path.base, in: nil, flags: flags) {
        case .success(let number): current = number
        case .failure(let error): throw error.stepError("open the project's folder", path.base)
        }
        for folder in path.folders {
            let folderOfPart = Descriptor(owning: current)
            var opened = SystemCalls.open(folder, in: folderOfPart.number, flags: flags | O_NOFOLLOW)
            if makesFolders, case .failure(let error) = opened, error.isMissing {
                // Somebody else may make it at the same moment; opening it decides.
                _ = SystemCalls.makeFolder(folder, in: folderOfPart.number)
                // Also where it was somebody else: what is written below must not be lost with its folder.
                if case .failure(let error) = SystemCalls.sync(folderOfPart.number) {
                    throw error.stepError(action, path.text)
                }
                opened = SystemCalls.open(folder, in: folderOfPart.number, flags: flags | O_NOFOLLOW)
            }
            switch opened {
            case .success(let number): current = number
            case .failure(let error):
                // A link ends with ENOTDIR where O_DIRECTORY is looked at first.
                if error.isLink || (error.isNoFolder && Self.isLink(folder, in: folderOfPart.number)) {
                    throw Self.link(path)
                }
                throw error.stepError(action, path.text)
            }
        }
        descriptor = Descriptor(owning: current)
    }

    var number: Int32 { descriptor.number }

    /// Opens the path's file in the folder.
    func open(flags: Int32, action: String) throws(StepError) -> Descriptor {
        switch SystemCalls.open(path.name, in: number, flags: flags | O_NOFOLLOW, mode: 0o666) {
        case .success(let number): return Descriptor(owning: number)
        case .failure(let error):
            if error.isLink { throw Self.link(path) }
            throw error.stepError(action, path.text)
        }
    }

    /// Refuses a symbolic link at the path's place: replacing it would surprise whoever made it.
    func refuseLink() throws(StepError) {
        if Self.isLink(path.name, in: number) { throw Self.link(path) }
    }

    private static func isLink(_ name: String, in folder: Int32) -> Bool {
        var status = stat()
        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private static func link(_ path: ConfinedPath) -> StepError {
        StepError(
            "path-is-link", "\"\(path.text)\" leads through a symbolic link",
            hint: "links are not followed, so that nothing outside the project is touched")
    }
}
