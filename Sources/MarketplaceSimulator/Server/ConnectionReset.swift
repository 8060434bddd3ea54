import LibC
import NIOCore

/// Ends a connection as a crashed server does.
enum ConnectionReset {
    /// Closes with a TCP reset: a lingering time of zero drops what is unsent and skips the orderly end.
    static func reset(_ channel: any Channel) {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.close(promise: nil)
        }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
}
