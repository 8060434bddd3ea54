import ArgumentParser
import LibC
import NIOCore

/// The option `--port` of the commands that listen.
enum PortOption {
    static func check(_ port: Int?) throws {
        guard let port, !(0...65_535).contains(port) else { return }
        throw ValidationError("--port \(port): expected a port from 0 to 65535")
    }

    /// Why nothing listens on the address, for a person.
    static func text(_ error: IOError, host: String, port: Int) -> String {
        switch error.errnoCode {
        case EADDRINUSE:
            """
            error: the port \(port) of \(host) is in use
              = stop the program that listens on it, or choose another with --port

            """
        case EACCES, EPERM:
            """
            error: this user may not listen on the port \(port) of \(host)
              = choose a port from 1024 on with --port

            """
        case EADDRNOTAVAIL:
            """
            error: \(host) is no address of this machine
              = listen on 127.0.0.1, or on 0.0.0.0 for all addresses, with --host

            """
        default:
            "error: cannot listen on \(host):\(port): \(String(cString: strerror(error.errnoCode)))\n"
        }
    }
}
