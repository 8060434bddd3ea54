internal import LibC

/// Reads a file for its hash.
struct FileReader: Sendable {
    enum Outcome: Sendable, Hashable {
        /// - arrival: See ``LedgerEntry/arrival``.
        case read(FileStatus, hash: String, arrival: Int64)
        /// It changed while it was read, or is not the expected file.
        case changed(FileStatus)
        case gone
        case notRegular
        case failed(SystemFailure)
    }

    let tree: ProjectTree
    private static let pieceSize = 128 << 10
    /// The number of chunks after which the task yields.
    private static let turn = 8

    /// - Parameter expected: The observed status of the file.
    func read(_ path: FilePath, expected: FileStatus) async throws -> Outcome {
        do {
            let file = try tree.open(file: path)
            guard case .file(let before) = try kind(of: file) else { return .notRegular }
            guard before == expected else { return .changed(before) }
            let hash = try await hash(of: file, size: before.size)
            guard case .file(let after) = try kind(of: file), after == before else { return .changed(before) }
            return .read(before, hash: hash, arrival: try changeTime(of: file))
        } catch let failure as SystemFailure {
            return failure.isMissing || failure.isNoFolder ? .gone : .failed(failure)
        }
    }

    private func hash(of file: Descriptor, size: Int64) async throws -> String {
        var hash = ContentHash()
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(Int64(Self.pieceSize), max(size + 1, 4096))), alignment: 16)
        defer { buffer.deallocate() }
        var pieces = 0
        while true {
            let count = try SystemFailure.check { LibC.read(file.number, buffer.baseAddress, buffer.count) }
            guard count > 0 else { return hash.digest }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            pieces += 1
            if pieces % Self.turn == 0 {
                try Task.checkCancellation()
                await Task.yield()
            }
        }
    }

    private func changeTime(of file: Descriptor) throws(SystemFailure) -> Int64 {
        var status = stat()
        _ = try SystemFailure.check { fstat(file.number, &status) }
        return status.changedNanoseconds
    }

    private func kind(of file: Descriptor) throws(SystemFailure) -> FolderEntry.Kind {
        var status = stat()
        _ = try SystemFailure.check { fstat(file.number, &status) }
        return FolderEntry.Kind(status)
    }
}

/// Detects remote file systems, which do not report changes by other machines.
enum FileSystemKind {
    /// False if it is unknown.
    static func isRemote(_ folder: Descriptor) -> Bool {
        #if canImport(Darwin)
        // This system has no inotify, so folders are polled anyway.
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
