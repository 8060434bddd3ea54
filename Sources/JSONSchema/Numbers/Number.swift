import RunnelKit

/// A number as JSON has it: a whole one of 64 bits, exact, or a double.
enum Number: Sendable {
    case int(Int64)
    case double(Double)

    init?(_ value: Value) {
        switch value {
        case .int(let value): self = .int(value)
        case .double(let value) where value.isFinite: self = .double(value)
        default: return nil
        }
    }

    var value: Value {
        switch self {
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        }
    }
}

extension Number: Comparable {
    static func == (left: Number, right: Number) -> Bool {
        left.value == right.value
    }

    /// Exact also where a whole number has no double.
    static func < (left: Number, right: Number) -> Bool {
        switch (left, right) {
        case (.int(let left), .int(let right)): left < right
        case (.double(let left), .double(let right)): left < right
        case (.int(let whole), .double(let real)): isLess(whole, than: real)
        case (.double(let real), .int(let whole)): !isLess(whole, than: real) && Int64(exactly: real) != whole
        }
    }

    private static func isLess(_ whole: Int64, than real: Double) -> Bool {
        if let floor = Int64(exactly: real.rounded(.down)) {
            return whole < floor || whole == floor && real > real.rounded(.down)
        }
        return real > 0
    }
}
