import Foundation
import GRDB
import LibC

/// A file system of its own for a journal, where one can be made, and ways to make it fail.
enum Disk {
    #if os(Linux)
    static let isPossible = getuid() == 0

    static func mount(_ folder: URL) -> Bool {
        guard mkdir(folder.path, 0o700) == 0 || errno == EEXIST else { return false }
        return isPossible && LibC.mount("tmpfs", folder.path, "tmpfs", 0, "size=96m,mode=0700") == 0
    }

    static func unmount(_ folder: URL) { umount2(folder.path, Int32(MNT_DETACH)) }
    #else
    static let isPossible = false
    static func mount(_ folder: URL) -> Bool { false }
    static func unmount(_ folder: URL) {}
    #endif

    /// Uses up all space there is.
    static func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { return }
        var size = 1 << 20
        while size > 0 {
            let bytes = [UInt8](repeating: 1, count: size)
            if write(descriptor, bytes, size) < size { size /= 2 }
        }
        close(descriptor)
    }

    /// The library that is preloaded into servers; nil where there is no compiler for C.
    static func compileFault(in folder: URL) -> URL? {
        #if os(Linux)
        guard let source = Bundle.module.url(forResource: "fault", withExtension: "c") else { return nil }
        let library = folder.appendingPathComponent("fault.so")
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-O1", "-o", library.path, source.path, "-ldl"]
        guard (try? compiler.run()) != nil else { return nil }
        compiler.waitUntilExit()
        return compiler.terminationStatus == 0 ? library : nil
        #else
        return nil
        #endif
    }
}
