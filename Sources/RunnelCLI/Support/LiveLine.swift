import RunnelSupport
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One line at the bottom of the terminal that is redrawn in place, such as the running step. Everything else that is
/// written to a terminal removes it first.
enum LiveLine {
    private struct State {
        var shown: String?
        /// Whether the last output ended with a line break; the line is not drawn behind a part of a line.
        var isAtLineStart = true
    }

    private static let state = Mutex(State())
    private static let erasing = Array("\r\u{1B}[K".utf8)

    /// The columns of the terminal; nil where no line can be redrawn: elsewhere than on a terminal, and on a dumb one.
    static var width: Int? {
        guard ProcessInfo.processInfo.environment["TERM"].map({ !$0.isEmpty && $0 != "dumb" }) ?? false else {
            return nil
        }
        return Streams.error.width
    }

    /// Draws the text, which fits on one line and is dressed up by ``TextStyle``; nil removes the line.
    static func draw(_ text: String?) {
        state.withLock { state in
            guard text != state.shown, text == nil || state.isAtLineStart else { return }
            let isShown = state.shown != nil
            state.shown = text
            Streams.error.sendAll((isShown ? erasing : []) + Array((text.map { Streams.styled($0) } ?? "").utf8))
        }
    }

    /// Writes bytes to a terminal in the place of the line.
    static func giveWay(to bytes: [UInt8], _ send: ([UInt8]) -> Void) {
        state.withLock { state in
            let isShown = state.shown != nil
            state.shown = nil
            if let last = bytes.last { state.isAtLineStart = last == UInt8(ascii: "\n") }
            send((isShown ? erasing : []) + bytes)
        }
    }
}
