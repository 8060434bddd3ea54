import RunnelKit

/// The length of time behind `every`.
struct IntervalLength: FieldValue, Hashable {
    let nanoseconds: Int64

    static var schema: Value { Duration.schema }

    init(field value: Value) throws(FieldError) {
        let duration = try Duration(field: value)
        guard duration >= .seconds(1) else {
            throw FieldError("\(DurationText.format(duration)) is too short", hint: "1s at least")
        }
        nanoseconds = duration.wholeNanoseconds
        guard nanoseconds % 1_000_000 == 0 else {
            throw FieldError("\(DurationText.format(duration)) is finer than milliseconds")
        }
    }
}

extension Duration {
    /// Up to 292 years.
    var wholeNanoseconds: Int64 {
        let parts = components
        let (seconds, overflows) = parts.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflows ? .max : seconds + parts.attoseconds / 1_000_000_000
    }
}
