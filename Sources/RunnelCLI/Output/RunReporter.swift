import RunnelEngine
import RunnelKit

extension RunOutcome {
    /// Writes the run's output to standard output, redacted.
    func writeOutput(redactor: Redactor) {
        guard case .succeeded(let output) = self else { return }
        switch redactor.redact(output) {
        case .null: break
        case .bytes(let bytes): Streams.output.write(product: bytes)
        case .string(let text): Streams.output.write(product: (text.hasSuffix("\n") ? text : text + "\n").utf8)
        case let value: Streams.output.write(json: value, isPretty: true)
        }
    }
}

/// A duration for people: `3 ms`, `1.2 s`, `2 min 5 s`.
func readable(_ duration: Duration) -> String {
    let milliseconds = duration.milliseconds
    if milliseconds < 1000 { return "\(Int(milliseconds.rounded())) ms" }
    let tenths = Int((milliseconds / 100).rounded())
    if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
    return "\(tenths / 600) min \(tenths / 10 % 60) s"
}
