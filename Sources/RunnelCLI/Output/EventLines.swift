import RunnelEngine
import RunnelKit
import RunnelSupport

/// Events of the journal as lines, as `runnel runs watch` shows them.
struct EventLines {
    let style: TextStyle
    let isJSON: Bool

    func write(_ event: Value) {
        guard !isJSON, let object = event.asObject else { return Streams.output.write(json: event) }
        let name = style.line(object["step"]?.asString ?? "")
        let took = object["took_ms"]?.asDouble.map { " " + style.dim(readable(.milliseconds($0))) } ?? ""
        let message = style.safe(object["error"]?.asObject?["message"]?.asString ?? "")
        switch object["event"]?.asString {
        case "run-started": line(style.bold(style.line(object["pipeline"]?.asString ?? "")))
        case "step-started":
            line("\(style.dim("▸")) \(name)" + (object["attempt"]?.asInt.map { $0 > 1 ? " attempt \($0)" : "" } ?? ""))
        case "step-text": Streams.output.write(style.safe(object["text"]?.asString ?? ""))
        case "step-note": line(style.dim("  · \(name): \(style.note(object["text"]?.asString ?? ""))"))
        case "step-skipped": line("\(style.dim("○")) \(name) \(style.dim("skipped"))")
        case "step-succeeded": line("\(style.green("✓")) \(name)\(took)")
        case "step-failed": line("\(style.red("✗")) \(name)\(took) \(message)")
        case "step-cancelled": line("\(style.dim("■")) \(name)\(took)")
        case "run-finished":
            line((object["state"]?.asString ?? "") + (message.isEmpty ? "" : ": \(message)"))
        default: line(style.safe(event.json()))
        }
    }

    private func line(_ text: String) {
        Streams.output.write(styled: text + "\n")
    }
}
