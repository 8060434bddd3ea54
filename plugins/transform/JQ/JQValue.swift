import CRunnelJQ
import RunnelKit

/// Decodes the values of an evaluator's answer; see `runnel_jq.h`. The bytes are untrusted: the evaluator has run libjq
/// on untrusted data.
struct JQReader {
    private let bytes: [UInt8]
    private let largeNumbers: LargeNumbers
    private var position = 0
    /// Whether jq has probably rounded a decoded integer or one in a decoded text.
    private(set) var isRounded = false

    init(_ bytes: [UInt8], largeNumbers: LargeNumbers = LargeNumbers()) {
        self.bytes = bytes
        self.largeNumbers = largeNumbers
    }

    /// Decodes all values.
    /// - Throws: ``EvaluatorFailure/unreadable`` if the bytes are malformed.
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
        let text = String(decoding: bytes[position..<position + length], as: UTF8.self)
        isRounded = isRounded || largeNumbers.isRounded(in: text)
        return text
    }

    private mutating func take<Plain: BitwiseCopyable>(_ type: Plain.Type) throws(EvaluatorFailure) -> Plain {
        guard MemoryLayout<Plain>.size <= bytes.count - position else { throw .unreadable }
        defer { position += MemoryLayout<Plain>.size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: type) }
    }

    /// jq has floating-point numbers only. Integral values in range become integers again; NaN becomes null and
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

/// Encodes a request to an evaluator; see `runnel_jq.h`.
///
/// Integers that a double cannot represent are kept in ``largeNumbers``. Binary data becomes base64; NaN becomes null,
/// because jq 1.6 does not handle it reliably.
struct JQWriter {
    private(set) var bytes: [UInt8] = []
    private(set) var largeNumbers = LargeNumbers()

    /// - Parameters:
    ///   - input: nil to compile the program only.
    ///   - limit: CPU time.
    init(program: String, input: Value?, limit: Duration) {
        // Clamped to a million seconds, which fits every timer.
        let microseconds = UInt64(clamping: min(limit, .seconds(1_000_000)).nanoseconds / 1000)
        append(
            runnel_jq_request(
                program_length: UInt32(JQPrelude.bytes.count + program.utf8.count), has_input: input == nil ? 0 : 1,
                cpu_microseconds: max(microseconds, 1), text: UInt64(JQLimits.text.bytes),
                outputs: UInt32(JQLimits.outputs), values: UInt32(JQLimits.values), depth: UInt32(JQLimits.depth),
                kind: RUNNEL_JQ_PROGRAM.rawValue))
        bytes += JQPrelude.bytes
        bytes += program.utf8
        if let input { write(input) }
    }

    /// The request to parse a page.
    /// - Parameter limit: CPU time.
    init(html: String, limit: Duration) {
        append(
            runnel_jq_request(
                program_length: 0, has_input: 1, cpu_microseconds: UInt64(limit / .microseconds(1)),
                text: UInt64(JQLimits.text.bytes), outputs: 1, values: 1, depth: 1, kind: RUNNEL_JQ_HTML.rawValue))
        write(html)
    }

    private mutating func write(_ value: Value) {
        switch value {
        case .null: tag(RUNNEL_JQ_NULL)
        case .bool(let flag): tag(flag ? RUNNEL_JQ_TRUE : RUNNEL_JQ_FALSE)
        case .int(let number):
            largeNumbers.note(value, as: Double(number))
            write(Double(number))
        case .double(let number):
            largeNumbers.note(value, as: number)
            if number.isNaN { tag(RUNNEL_JQ_NULL) } else { write(number) }
        case .string(let text): write(text)
        case .bytes(let bytes): write(Base64.encode(bytes))
        case .list(let items):
            tag(RUNNEL_JQ_ARRAY)
            append(UInt32(clamping: items.count))
            for item in items { write(item) }
        case .object(let members):
            tag(RUNNEL_JQ_OBJECT)
            append(UInt32(clamping: members.count))
            for (key, member) in members {
                write(key)
                write(member)
            }
        }
    }

    private mutating func write(_ number: Double) {
        tag(RUNNEL_JQ_NUMBER)
        append(number)
    }

    private mutating func write(_ text: String) {
        tag(RUNNEL_JQ_STRING)
        append(UInt32(clamping: text.utf8.count))
        bytes += text.utf8
    }

    private mutating func tag(_ tag: runnel_jq_tag) {
        bytes.append(UInt8(truncatingIfNeeded: tag.rawValue))
    }

    private mutating func append<Plain: BitwiseCopyable>(_ value: Plain) {
        withUnsafeBytes(of: value) { bytes += $0 }
    }
}
