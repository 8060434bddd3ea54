import Foundation
import LibC
import Synchronization

/// A proxy before the socket of a PostgreSQL, which cuts connections at a COMMIT.
final class CuttingProxy: Sendable {
    enum Cut: Sendable {
        /// The server commits, and its answer is lost.
        case answer
        /// The server never hears of the COMMIT.
        case request
    }

    /// What is left to be cut.
    let cuts = Mutex<[Cut]>([])
    let folder: String
    private let listener: CInt

    /// - Parameters:
    ///   - folder: Where the proxy's socket is.
    ///   - server: The folder of the server's socket; nil for a proxy that accepts connections and never responds.
    init(folder: String, server: String?) throws {
        self.folder = folder
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let descriptor = listener
        let bound = Self.withAddress(folder) { bind(descriptor, $0, $1) }
        guard bound == 0, listen(listener, 64) == 0 else { throw Failure(number: errno) }
        // Threads, because they block: those of Dispatch are few.
        if let server { Thread.detachNewThread { self.accept(for: server) } }
    }

    struct Failure: Error { let number: CInt }

    func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept(for server: String) {
        while true {
            let client = LibC.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let upstream = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.withAddress(server, { connect(upstream, $0, $1) }) == 0 else {
                LibC.close(client)
                LibC.close(upstream)
                continue
            }
            Thread.detachNewThread {
                self.forward(client, upstream)
                LibC.close(client)
                LibC.close(upstream)
            }
        }
    }

    private func forward(_ client: CInt, _ upstream: CInt) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var descriptors = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, 2, -1) > 0 else { return }
            for (source, target) in [(client, upstream), (upstream, client)] {
                guard descriptors[source == client ? 0 : 1].revents != 0 else { continue }
                let count = read(source, &buffer, buffer.count)
                guard count > 0 else { return }
                let bytes = buffer[..<count]
                let isCommit = source == client && bytes.firstRange(of: Array("COMMIT".utf8)) != nil
                let cut = isCommit ? cuts.withLock { $0.isEmpty ? nil : $0.removeFirst() } : nil
                if cut == .request { return }
                guard Array(bytes).withUnsafeBytes({ write(target, $0.baseAddress, $0.count) }) == count else { return }
                if cut == .answer {
                    // It has answered, so it has committed.
                    _ = read(upstream, &buffer, buffer.count)
                    return
                }
            }
        }
    }

    private static func withAddress(
        _ folder: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("\(folder)/.s.PGSQL.5432".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
