import CLibJQ
import RunnelKit

/// Makes our values of libjq's, within ``JQLimits``.
///
/// The limits count what a value is when it is written out: in libjq a list may hold the same large value many times
/// over and take no room for it.
struct JQReader {
    let largeNumbers: LargeNumbers
    /// Whether a whole number came out that jq has probably rounded.
    private(set) var isRounded = false
    private var valuesLeft = JQLimits.values
    private var textLeft = JQLimits.text.bytes
    /// Ends the reading when it says so; asked every few thousand values.
    private let isStopped: () -> Bool

    init(largeNumbers: LargeNumbers, isStopped: @escaping () -> Bool) {
        self.largeNumbers = largeNumbers
        self.isStopped = isStopped
    }

    /// Consumes `value`.
    mutating func read(_ value: jv, depth: Int = 0) throws(StepError) -> Value {
        defer { jv_free(value) }
        guard depth <= JQLimits.depth else {
            throw StepError("jq-limit", "the program's output nests deeper than \(JQLimits.depth) levels")
        }
        valuesLeft -= 1
        guard valuesLeft >= 0 else {
            throw StepError("jq-limit", "the program's output holds more than \(JQLimits.values) values")
        }
        if valuesLeft % 4096 == 0, isStopped() { throw JQMessage.stopped }
        switch jv_get_kind(value) {
        case JV_KIND_TRUE: return true
        case JV_KIND_FALSE: return false
        case JV_KIND_NUMBER: return number(jv_number_value(value))
        case JV_KIND_STRING: return .string(try text(value))
        case JV_KIND_ARRAY:
            var items: [Value] = []
            for index in 0..<jv_array_length(jv_copy(value)) {
                items.append(try read(jv_array_get(jv_copy(value), index), depth: depth + 1))
            }
            return .list(items)
        case JV_KIND_OBJECT: return .object(try object(value, depth: depth))
        default: return .null
        }
    }

    private mutating func object(_ value: jv, depth: Int) throws(StepError) -> ValueObject {
        var object = ValueObject()
        var iterator = jv_object_iter(value)
        while jv_object_iter_valid(value, iterator) != 0 {
            let key = jv_object_iter_key(value, iterator)
            defer { jv_free(key) }
            object[try text(key)] = try read(jv_object_iter_value(value, iterator), depth: depth + 1)
            iterator = jv_object_iter_next(value, iterator)
        }
        return object
    }

    private mutating func text(_ string: jv) throws(StepError) -> String {
        textLeft -= Int(jv_string_length_bytes(jv_copy(string)))
        guard textLeft >= 0 else {
            throw StepError("jq-limit", "the program's output holds more than \(JQLimits.text) of text")
        }
        return Self.text(string)
    }

    /// The text of a string, which stays the caller's.
    static func text(_ string: jv) -> String {
        guard jv_get_kind(string) == JV_KIND_STRING, let start = jv_string_value(string) else { return "" }
        let length = Int(jv_string_length_bytes(jv_copy(string)))
        return start.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }

    /// jq knows floating-point numbers only. What is whole and fits is a whole number again; not a number is null, and
    /// infinity the largest number, as in jq's own output.
    private mutating func number(_ number: Double) -> Value {
        if number.magnitude < LargeNumbers.limit {
            return Int64(exactly: number).map { .int($0) } ?? .double(number)
        }
        if number.isNaN { return .null }
        if let exact = largeNumbers.exact(number), exact.asDouble?.isFinite == true { return exact }
        guard number.isFinite else {
            return .double(number < 0 ? -.greatestFiniteMagnitude : .greatestFiniteMagnitude)
        }
        guard let whole = Int64(exactly: number) else { return .double(number) }
        isRounded = true
        return .int(whole)
    }
}
