import LibC
internal import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What systemd tells this process in its environment: where it wants notifications (sd_notify(3)), and which socket it
/// has opened (sd_listen_fds(3)). A process that systemd did not start has neither.
struct ServiceManager: Sendable {
    let notifications: NotifySocket?
    /// The silence after which systemd kills this process; nil: it does not.
    let watchdog: Duration?
    /// The socket to serve on, instead of one of its own.
    let listener: InheritedSocket?

    struct Problem: Error, Equatable {
        let message: String
        let hint: String
    }

    private static let variables = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    ]

    /// Takes the variables out of the environment, so that no program inherits them.
    static func take() throws(Problem) -> ServiceManager {
        let environment = ProcessInfo.processInfo.environment
        for name in variables { unsetenv(name) }
        return try ServiceManager(environment)
    }

    /// - Parameters:
    ///   - process: The process that reads the environment; what is meant for another one is ignored.
    ///   - first: The descriptor of the first socket.
    init(_ environment: [String: String], process: pid_t = getpid(), first: CInt = 3) throws(Problem) {
        if let name = environment["NOTIFY_SOCKET"], !name.isEmpty {
            guard let socket = NotifySocket(name) else {
                throw Problem(
                    message: "NOTIFY_SOCKET is \(Quote.quoted(name))",
                    hint: "it has to be an absolute path, or @ and a name; without it, systemd is not notified")
            }
            notifications = socket
        } else {
            notifications = nil
        }
        let isOwn = environment["WATCHDOG_PID"].map { pid_t($0) == process } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdog = isOwn && microseconds > 0 ? .microseconds(microseconds) : nil
        if environment["LISTEN_PID"].flatMap({ pid_t($0) }) == process,
            let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }), (1...1024).contains(count)
        {
            let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
            listener = try InheritedSocket(among: Array(first..<first + count), names: names.map(String.init))
        } else {
            listener = nil
        }
    }
}

/// A listening socket that systemd has opened.
struct InheritedSocket: Sendable, Equatable {
    let descriptor: CInt
    /// The address that it is bound to, without brackets.
    let host: String
    let port: Int

    /// Of several sockets takes the one that is named `http`.
    init(among descriptors: [CInt], names: [String]) throws(ServiceManager.Problem) {
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let named = zip(descriptors, names).filter { $0.1 == "http" }.map(\.0)
        guard let descriptor = descriptors.count == 1 ? descriptors.first : named.first,
            descriptors.count == 1 || named.count == 1
        else {
            let shown = names.isEmpty ? "" : " (\(Quote.text(names.joined(separator: ", "))))"
            throw ServiceManager.Problem(
                message: "systemd passes \(descriptors.count) sockets\(shown), and `serve` listens on one",
                hint: "keep one ListenStream= of the socket units, or set FileDescriptorName=http for one of them")
        }
        for other in descriptors where other != descriptor { close(other) }
        guard let address = Self.address(of: descriptor) else {
            throw ServiceManager.Problem(
                message: "the socket that systemd passes is not a listening TCP socket",
                hint: "the socket unit needs ListenStream= with a port or ADDRESS:PORT, and Accept=no")
        }
        (self.descriptor, host, port) = (descriptor, address.host, address.port)
    }

    /// The address of a listening TCP socket; nil for any other descriptor.
    private static func address(of descriptor: CInt) -> (host: String, port: Int)? {
        var isListening: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening != 0 else {
            return nil
        }
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var (host, port) = ([CChar](repeating: 0, count: 128), [CChar](repeating: 0, count: 32))
        let isKnown = withUnsafeMutablePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0,
                    [AF_INET, AF_INET6].contains(CInt(address.pointee.sa_family))
                else { return false }
                return getnameinfo(
                    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0
            }
        }
        guard isKnown, let number = Int(String(upToNUL: port)) else { return nil }
        return (String(upToNUL: host), number)
    }
}

/// The datagram socket that systemd reads notifications from.
struct NotifySocket: Sendable {
    /// As in `sun_path`: an abstract name begins with NUL.
    private let path: [UInt8]

    private static let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
    #if canImport(Glibc)
    private static let kind = CInt(SOCK_DGRAM.rawValue)
    #else
    private static let kind = SOCK_DGRAM
    #endif

    /// - Parameter name: An absolute path, or `@` and an abstract name; nil for anything else.
    init?(_ name: String) {
        guard let first = name.utf8.first, name.utf8.count > 1, name.utf8.count < Self.room else { return nil }
        switch first {
        case UInt8(ascii: "/"): path = Array(name.utf8)
        case UInt8(ascii: "@"): path = [0] + name.utf8.dropFirst()
        default: return nil
        }
    }

    /// Sends one message, and waits up to a second for room.
    ///
    /// - Parameter fields: Such as `READY=1`, without line breaks.
    /// - Returns: 0 or an errno.
    @discardableResult
    func send(_ fields: [String]) -> CInt {
        let descriptor = LibC.socket(AF_UNIX, Self.kind, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - Self.room + path.count)
        let message = Array(fields.joined(separator: "\n").utf8)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
        }
        guard isConnected else { return errno }
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, 1000)
        return write(descriptor, message, message.count) == message.count ? 0 : errno
    }
}
