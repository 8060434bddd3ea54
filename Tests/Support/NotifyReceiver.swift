import Foundation
import LibC

/// The datagram socket on which systemd gets the notifications of a service.
package final class NotifyReceiver: Sendable {
    /// The value of `NOTIFY_SOCKET`.
    package let name: String
    /// What was sent, until ``end()``.
    package let messages: AsyncStream<String>
    private let descriptor: CInt

    struct NotBound: Error { let errno: CInt }

    /// - Parameter name: A path, or `@` and an abstract name.
    package init(_ name: String) throws {
        self.name = name
        #if canImport(Glibc)
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        #else
        let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        self.descriptor = descriptor
        var path = Array(name.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let room = MemoryLayout.size(ofValue: address.sun_path)
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - room + path.count)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        let (messages, continuation) = AsyncStream.makeStream(of: String.self)
        self.messages = messages
        guard isBound else { throw NotBound(errno: errno) }
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 8192)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                continuation.yield(String(decoding: buffer.prefix(count), as: UTF8.self))
            }
            continuation.finish()
            close(descriptor)
        }
    }

    /// Ends the messages, after those that have arrived.
    package func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }
}
