import RunnelKit

/// The numbers of an input that a floating-point number may not hold exactly: those beyond 2^53.
///
/// jq rounds them. One that comes out as it went in is given its exact value back, as long as it is the only one in the
/// input that was rounded to the same number.
struct LargeNumbers {
    static let limit = 9_007_199_254_740_992.0

    /// By the rounded number; nil where several numbers were rounded to it.
    private var exact: [Double: Value?] = [:]

    mutating func note(_ value: Value, as rounded: Double) {
        guard rounded.magnitude >= Self.limit else { return }
        guard let known = exact[rounded] else {
            exact[rounded] = .some(value)
            return
        }
        if known != value { exact[rounded] = .some(nil) }
    }

    /// The number behind one that jq gave back; nil when it is not known.
    func exact(_ number: Double) -> Value? {
        exact[number] ?? nil
    }
}
