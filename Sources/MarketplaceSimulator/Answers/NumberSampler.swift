internal import RunnelValue

/// Numbers that fit a schema's bounds.
enum NumberSampler {
    /// Between the bounds, else from 1 to 100.
    static func integer(for schema: Value, hash: StableHash) -> Value {
        let step = max(1, (schema["multipleOf"]?.asDouble ?? 1).rounded(.up))
        var bounds = Bounds(schema)
        bounds.complete(span: 99 * step)
        var low = (bounds.low / step).rounded(.up) * step
        if bounds.excludesLow, low == bounds.low { low += step }
        var high = (bounds.high / step).rounded(.down) * step
        if bounds.excludesHigh, high == bounds.high { high -= step }
        let places = Int(min(max(0, (high - low) / step), 1_000_000))
        let value = low + Double(hash.index(below: places + 1)) * step
        return number(value)
    }

    /// Between the bounds in steps of a hundredth of the span, else from 1 to 100.
    static func number(for schema: Value, hash: StableHash) -> Value {
        if let step = schema["multipleOf"]?.asDouble, step > 0 {
            var bounds = Bounds(schema)
            bounds.complete(span: 99 * step)
            var factor = (bounds.low / step).rounded(.up)
            if bounds.excludesLow, factor * step == bounds.low { factor += 1 }
            return number(factor * step)
        }
        var bounds = Bounds(schema)
        bounds.complete(span: 99)
        // 1 to 99 of 100 keeps clear of both ends, so that exclusive bounds hold too.
        let value = bounds.low + (bounds.high - bounds.low) * Double(1 + hash.index(below: 99)) / 100
        let rounded = (value * 100).rounded() / 100
        return number(rounded > bounds.low && rounded < bounds.high ? rounded : value)
    }

    private static func number(_ value: Double) -> Value {
        if let whole = Int64(exactly: value) { return .int(whole) }
        return value.isFinite ? .double(value) : 0
    }

    private struct Bounds {
        var low: Double
        var high: Double
        var excludesLow = false
        var excludesHigh = false

        init(_ schema: Value) {
            low = schema["minimum"]?.asDouble ?? -.infinity
            high = schema["maximum"]?.asDouble ?? .infinity
            if let exclusive = schema["exclusiveMinimum"]?.asDouble, exclusive >= low {
                low = exclusive
                excludesLow = true
            }
            if let exclusive = schema["exclusiveMaximum"]?.asDouble, exclusive <= high {
                high = exclusive
                excludesHigh = true
            }
        }

        /// Gives a value to the ends that the schema leaves open.
        mutating func complete(span: Double) {
            if low == -.infinity { low = high == .infinity ? 1 : high >= 1 ? 1 : high - span }
            if high == .infinity { high = low + span }
        }
    }
}
