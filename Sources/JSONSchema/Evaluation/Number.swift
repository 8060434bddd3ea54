import RunnelKit

/// A JSON number: an exact 64-bit integer, or a double.
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

    static func < (left: Number, right: Number) -> Bool {
        left.value.isLess(than: right.value) ?? false
    }
}

/// A positive decimal number: digits and a power of ten, as written, not the nearest double.
struct Decimal: Sendable {
    private(set) var digits: UInt64
    private(set) var exponent: Int

    /// The shortest decimal that reads as this number; its sign is dropped.
    init?(_ number: Number) {
        switch number {
        case .int(let value): self.init(digits: value.magnitude, exponent: 0)
        case .double(let value): self.init(text: "\(value.magnitude)")
        }
    }

    private init(digits: UInt64, exponent: Int) {
        self.digits = digits
        self.exponent = exponent
        while self.digits != 0, self.digits.isMultiple(of: 10) {
            self.digits /= 10
            self.exponent += 1
        }
    }

    /// Reads "12.5", "1e-08", "1.25e+16".
    private init?(text: String) {
        let parts = text.split(separator: "e")
        guard let mantissa = parts.first, parts.count <= 2 else { return nil }
        let power = parts.count == 2 ? Int(parts[1]) : 0
        let halves = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = halves.count == 2 ? halves[1] : ""
        guard let power, halves.count <= 2, let digits = UInt64(halves[0] + fraction) else { return nil }
        self.init(digits: digits, exponent: power - fraction.utf8.count)
    }

    /// Whether the number is a whole multiple of `unit`, exactly.
    func isMultiple(of unit: Decimal) -> Bool {
        guard unit.digits != 0 else { return false }
        if digits == 0 { return true }
        if exponent >= unit.exponent {
            var rest = digits % unit.digits
            for _ in 0..<(exponent - unit.exponent) where rest != 0 {
                let product = rest.multipliedFullWidth(by: 10)
                rest = unit.digits.dividingFullWidth(product).remainder
            }
            return rest == 0
        }
        var divisor = unit.digits
        for _ in 0..<(unit.exponent - exponent) {
            let (product, overflow) = divisor.multipliedReportingOverflow(by: 10)
            // The scaled unit exceeds every non-zero number.
            if overflow { return false }
            divisor = product
        }
        return digits.isMultiple(of: divisor)
    }
}
