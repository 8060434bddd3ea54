/// Tells from the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)) what kind of file system a device holds.
enum MountTable {
    /// Where others change files without this system's noticing.
    private static let remote: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2",
        "vboxsf", "prl_fs", "vmhgfs", "davfs",
    ]

    /// - Parameter device: As `major:minor`.
    /// - Returns: The file system's type; nil when the table does not have it.
    static func type(ofDevice device: String, in table: String) -> String? {
        for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            // After the fixed words come optional ones, up to a dash.
            guard words.count > 2, words[2].elementsEqual(device.utf8),
                let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 1 < words.count
            else { continue }
            return String(decoding: words[dash + 1], as: UTF8.self)
        }
        return nil
    }

    static func isRemote(_ type: String) -> Bool {
        // Any of them may be a network behind FUSE.
        remote.contains(type) || type.hasPrefix("fuse.")
    }
}
