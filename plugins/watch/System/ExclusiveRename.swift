import CRunnelFiles

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Renames a file, and never over another one.
struct ExclusiveRename: Sendable {
    /// Whether the system's own call is used, which not every file system has.
    var usesSystemCall = true

    /// False when there is something of the new name.
    func move(
        _ name: String, from source: Descriptor, to target: String, in folder: Descriptor
    ) throws(SystemFailure) -> Bool {
        if usesSystemCall {
            do throws(SystemFailure) {
                _ = try SystemFailure.check { runnel_rename_exclusively(source.number, name, folder.number, target) }
                return true
            } catch  where error.isExisting {
                return false
            } catch  where [EINVAL, ENOSYS, ENOTSUP].contains(error.number) {
                // This file system cannot do it.
            }
        }
        return try replace(name, from: source, to: target, in: folder)
    }

    /// Takes the name with an empty file and renames over that. A process that is killed in between leaves it behind.
    private func replace(
        _ name: String, from source: Descriptor, to target: String, in folder: Descriptor
    ) throws(SystemFailure) -> Bool {
        do throws(SystemFailure) {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            close(try SystemFailure.check { openat(folder.number, target, flags, 0o666) })
        } catch  where error.isExisting {
            return false
        }
        do throws(SystemFailure) {
            _ = try SystemFailure.check { renameat(source.number, name, folder.number, target) }
        } catch {
            _ = unlinkat(folder.number, target, 0)
            throw error
        }
        return true
    }
}
