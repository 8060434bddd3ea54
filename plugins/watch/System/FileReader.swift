#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads a file for its hash.
struct FileReader: Sendable {
    enum Outcome: Sendable, Hashable {
        case read(FileStatus, hash: String)
        /// It was written to while it was read, or is not the one that was seen.
        case changed(FileStatus)
        case gone
        case notRegular
        case failed(SystemFailure)
    }

    let tree: ProjectTree
    private static let pieceSize = 128 << 10
    /// After so many pieces others get their turn.
    private static let turn = 8

    /// - Parameter expected: What was seen of the file.
    func read(_ path: FilePath, expected: FileStatus) async throws -> Outcome {
        do {
            let file = try tree.open(file: path)
            guard case .file(let before) = try kind(of: file) else { return .notRegular }
            guard before == expected else { return .changed(before) }
            let hash = try await hash(of: file, size: before.size)
            guard case .file(let after) = try kind(of: file), after == before else { return .changed(before) }
            return .read(before, hash: hash)
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
            let count = try SystemFailure.check { systemRead(file.number, buffer.baseAddress, buffer.count) }
            guard count > 0 else { return hash.digest }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            pieces += 1
            if pieces % Self.turn == 0 {
                try Task.checkCancellation()
                await Task.yield()
            }
        }
    }

    private func kind(of file: Descriptor) throws(SystemFailure) -> FolderEntry.Kind {
        var status = stat()
        _ = try SystemFailure.check { fstat(file.number, &status) }
        return FolderEntry.Kind(status)
    }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
