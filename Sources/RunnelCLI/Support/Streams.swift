import LibC
import RunnelKit
import RunnelSupport
import Synchronization

/// Standard output and standard error, unbuffered. All text for a terminal or a log passes through here: secrets are
/// redacted, and control characters are neutralised except those of ``TextStyle``.
enum Streams {
    static let output = OutputStream(descriptor: STDOUT_FILENO)
    static let error = OutputStream(descriptor: STDERR_FILENO)

    fileprivate static let redactor = Mutex(Redactor())
    /// Of a secret that was fetched after the project was read.
    private static let late = Mutex(Redactor())
    fileprivate static let failure = Mutex<Int32?>(nil)

    /// Why standard output did not take all that was written; nil while it does. A reader that went away, such as
    /// `head`, is no failure.
    static var outputFailure: String? {
        failure.withLock { $0 }.map { String(cString: strerror($0)) }
    }

    /// The text as it may be written to a terminal, with the escape sequences of ``TextStyle``.
    static func styled(_ text: String) -> String {
        TerminalText.styled(masked(text))
    }

    fileprivate static func masked(_ text: String) -> String {
        redactor.withLock { $0 }.redactMessage(late.withLock { $0 }.redactMessage(text))
    }

    /// Sets the redactor: the secrets of the command's project.
    static func mask(by redactor: Redactor) {
        self.redactor.withLock { $0 = redactor }
    }

    /// Masks one secret as well, which is fetched when it is needed: the password of the journal.
    static func mask(late secret: String) {
        late.withLock { $0 = Redactor(secrets: [secret]) }
    }
}

struct OutputStream: Sendable {
    let descriptor: Int32

    /// Whether it is a terminal.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The width of the terminal in columns; nil if it is not a terminal.
    var width: Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return nil }
        return Int(size.ws_col)
    }

    /// Writes plain text. On a terminal, messages on standard error are wrapped at words.
    func write(_ text: String) {
        let text = TerminalText.safe(masked(text))
        send((descriptor == STDERR_FILENO ? TextWrap.messages(text, width: width) : text).utf8)
    }

    /// Writes an error, with what to do about it on the next line.
    func write(problem: String, hint: String?) {
        write("error: \(problem)\n" + (hint.map { "  = \($0)\n" } ?? ""))
    }

    /// Writes text with the escape sequences of ``TextStyle``.
    func write(styled text: String) {
        send(Streams.styled(text).utf8)
    }

    /// Writes JSON followed by a line break. The caller redacts the value: a mask inside a number would not be valid
    /// JSON.
    func write(json value: Value, isPretty: Bool = false) {
        let text = value.json(pretty: isPretty) + "\n"
        send((isTerminal ? TerminalText.json(text) : text).utf8)
    }

    /// Writes a pipeline's output: byte for byte, unless it goes to a terminal.
    func write(product bytes: some Collection<UInt8>) {
        if isTerminal {
            send(TerminalText.safe(String(decoding: bytes, as: UTF8.self)).utf8)
        } else {
            send(bytes)
        }
    }

    private func masked(_ text: String) -> String {
        Streams.masked(text)
    }

    private func send(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard isTerminal else { return sendAll(bytes) }
        LiveLine.giveWay(to: bytes) { sendAll($0) }
    }

    /// If the reader closed the pipe (such as `head`), the rest is dropped.
    func sendAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest)
                let count = LibC.write(descriptor, piece.baseAddress, piece.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if count < 0, errno != EINTR, errno != EAGAIN {
                    let code = errno
                    if descriptor == STDOUT_FILENO, code != EPIPE { Streams.failure.withLock { $0 = $0 ?? code } }
                    return
                }
            }
        }
    }
}
