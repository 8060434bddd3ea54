import RunnelKit
import RunnelSupport
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Standard output and standard error, written to at once and in whole. Every text for a terminal or a log passes here:
/// secrets are masked in it, and nothing in it controls the terminal but ``TextStyle``.
enum Streams {
    static let output = OutputStream(descriptor: STDOUT_FILENO)
    static let error = OutputStream(descriptor: STDERR_FILENO)

    fileprivate static let redactor = Mutex(Redactor())

    /// Masks these secrets from now on: those of the project that the command works in.
    static func mask(by redactor: Redactor) {
        self.redactor.withLock { $0 = redactor }
    }
}

struct OutputStream: Sendable {
    let descriptor: Int32

    /// Whether a person looks at it.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// How many columns the terminal has; nil where there is none.
    var width: Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return nil }
        return Int(size.ws_col)
    }

    /// Text for a person.
    func write(_ text: String) {
        send(TerminalText.safe(masked(text)).utf8)
    }

    /// Text for a person that ``TextStyle`` has dressed up.
    func write(styled text: String) {
        send(TerminalText.styled(masked(text)).utf8)
    }

    /// JSON for a program, with a line break behind it. Secrets are masked by whoever made it: a mask inside of a number
    /// would not be JSON.
    func write(json value: Value, isPretty: Bool = false) {
        let text = value.json(pretty: isPretty) + "\n"
        send((isTerminal ? TerminalText.json(text) : text).utf8)
    }

    /// What a pipeline produced: byte for byte, unless a person looks at it.
    func write(product bytes: some Collection<UInt8>) {
        if isTerminal {
            send(TerminalText.safe(String(decoding: bytes, as: UTF8.self)).utf8)
        } else {
            send(bytes)
        }
    }

    private func masked(_ text: String) -> String {
        Streams.redactor.withLock { $0 }.redact(text)
    }

    /// Whoever reads may have gone: the rest is dropped then, as `head` expects it.
    private func send(_ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if count < 0, errno != EINTR, errno != EAGAIN {
                    return
                }
            }
        }
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
