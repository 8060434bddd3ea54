import RunnelKit
import RunnelSupport

/// One thing that was looked at.
struct Finding: Sendable {
    enum Level: String, Sendable {
        /// As it should be.
        case good
        /// Works, but may not for long, or not as meant.
        case warning
        /// Does not work.
        case problem
    }

    var level: Level
    /// What was looked at: "journal".
    var subject: String
    /// What was found.
    var text: String
    /// What to do.
    var hint: String?

    static func good(_ subject: String, _ text: String) -> Finding {
        Finding(level: .good, subject: subject, text: text)
    }

    static func warning(_ subject: String, _ text: String, _ hint: String? = nil) -> Finding {
        Finding(level: .warning, subject: subject, text: text, hint: hint)
    }

    static func problem(_ subject: String, _ text: String, _ hint: String? = nil) -> Finding {
        Finding(level: .problem, subject: subject, text: text, hint: hint)
    }

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
