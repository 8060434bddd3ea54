#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whether a folder's file system tells of changes that other machines make.
enum FileSystemKind {
    /// False where it is not known.
    static func isRemote(_ folder: Descriptor) -> Bool {
        #if canImport(Darwin)
        // Nothing is watched by events there.
        return false
        #else
        var status = stat()
        guard fstat(folder.number, &status) == 0, let table = mountTable() else { return false }
        let device = deviceNumber(UInt64(status.st_dev))
        return MountTable.type(ofDevice: device, in: table).map(MountTable.isRemote) ?? false
        #endif
    }

    #if !canImport(Darwin)
    /// As `major:minor`; see makedev(3).
    static func deviceNumber(_ device: UInt64) -> String {
        let major = (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
        let minor = device & 0xFF | (device >> 12) & 0xFFFF_FF00
        return "\(major):\(minor)"
    }

    private static func mountTable() -> String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < 4 << 20 {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
    #endif
}
