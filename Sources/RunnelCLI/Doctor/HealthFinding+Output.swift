import RunnelKit
import RunnelSupport

extension HealthFinding {
    var json: Value {
        var object: ValueObject = [
            "level": .string(level.rawValue), "subject": .string(subject), "text": .string(text),
        ]
        object["hint"] = hint.map { .string($0) }
        return .object(object)
    }

    /// - Parameter width: The columns of the terminal; nil: nothing is wrapped.
    func text(_ style: TextStyle, width: Int?) -> String {
        let mark =
            switch level {
            case .good: style.green("✓")
            case .warning: style.bold("!")
            case .problem: style.red("✗")
            }
        // What stands before the text takes 16 columns, and 18 before the hint.
        func wrap(_ text: String, indent: Int = 16) -> String {
            TextWrap.behind(indent, style.safe(text), width: width, indent: indent)
        }
        let line = "\(mark) \(subject.padded(to: 13)) \(wrap(text))"
        return line + (hint.map { "\n                = \(wrap($0, indent: 18))" } ?? "")
    }
}

/// `12.3 GiB`
func readable(bytes: Int) -> String {
    var number = Double(bytes)
    var units = ["bytes", "KiB", "MiB", "GiB", "TiB"][...]
    while number >= 1024, units.count > 1 {
        number /= 1024
        units.removeFirst()
    }
    let tenths = Int((number * 10).rounded())
    let text = units.first == "bytes" ? "\(bytes)" : "\(tenths / 10).\(tenths % 10)"
    return "\(text) \(units.first ?? "")"
}
