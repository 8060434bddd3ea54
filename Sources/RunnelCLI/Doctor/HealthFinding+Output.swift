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

    func text(_ style: TextStyle) -> String {
        let mark =
            switch level {
            case .good: style.green("✓")
            case .warning: style.bold("!")
            case .problem: style.red("✗")
            }
        let line = "\(mark) \(subject.padded(to: 13)) \(style.safe(text))"
        return line + (hint.map { "\n                = \(style.safe($0))" } ?? "")
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
