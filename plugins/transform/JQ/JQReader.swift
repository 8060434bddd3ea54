import CRunnelJQ
import RunnelKit

/// Reads the values of an evaluator's answer; see `runnel_jq.h`. Any bytes may come: the evaluator has run libjq on
/// anybody's data.
struct JQReader {
    private let bytes: [UInt8]
    private let largeNumbers: LargeNumbers
    private var position = 0
    /// Whether a whole number came out that jq has probably rounded.
    private(set) var isRounded = false

    init(_ bytes: [UInt8], largeNumbers: LargeNumbers = LargeNumbers()) {
        self.bytes = bytes
        self.largeNumbers = largeNumbers
    }

    /// All values, one behind the other.
    /// - Throws: ``EvaluatorFailure/unreadable`` where the bytes are no values.
    mutating func values() throws(EvaluatorFailure) -> [Value] {
        var values: [Value] = []
        while position < bytes.count { values.append(try value(depth: 0)) }
        return values
    }

    private mutating func value(depth: Int) throws(EvaluatorFailure) -> Value {
        guard depth <= JQLimits.depth else { throw .unreadable }
        switch runnel_jq_tag(rawValue: UInt32(try take(UInt8.self))) {
        case RUNNEL_JQ_NULL: return .null
        case RUNNEL_JQ_FALSE: return false
        case RUNNEL_JQ_TRUE: return true
        case RUNNEL_JQ_NUMBER: return number(try take(Double.self))
        case RUNNEL_JQ_STRING: return .string(try text())
        case RUNNEL_JQ_ARRAY:
            var items: [Value] = []
            for _ in 0..<(try take(UInt32.self)) { items.append(try value(depth: depth + 1)) }
            return .list(items)
        case RUNNEL_JQ_OBJECT:
            var members = ValueObject()
            for _ in 0..<(try take(UInt32.self)) {
                guard runnel_jq_tag(rawValue: UInt32(try take(UInt8.self))) == RUNNEL_JQ_STRING else {
                    throw .unreadable
                }
                let key = try text()
                members[key] = try value(depth: depth + 1)
            }
            return .object(members)
        default: throw .unreadable
        }
    }

    private mutating func text() throws(EvaluatorFailure) -> String {
        let length = Int(try take(UInt32.self))
        guard length <= bytes.count - position else { throw .unreadable }
        defer { position += length }
        return String(decoding: bytes[position..<position + length], as: UTF8.self)
    }

    private mutating func take<Plain: BitwiseCopyable>(_ type: Plain.Type) throws(EvaluatorFailure) -> Plain {
        guard MemoryLayout<Plain>.size <= bytes.count - position else { throw .unreadable }
        defer { position += MemoryLayout<Plain>.size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: type) }
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
