import CRunnelJQ
import RunnelKit

/// Writes a request to an evaluator; see `runnel_jq.h`.
///
/// jq's numbers are floating-point; what they cannot hold exactly is kept in ``largeNumbers``. Binary data becomes
/// base64; not a number becomes null, since jq 1.6 cannot be trusted with it.
struct JQWriter {
    private(set) var bytes: [UInt8] = []
    private(set) var largeNumbers = LargeNumbers()

    /// - Parameters:
    ///   - input: nil to compile the program only.
    ///   - limit: CPU time.
    init(program: String, input: Value?, limit: Duration) {
        let (seconds, attoseconds) = limit.components
        // A million seconds are more than anyone waits for, and fit in every timer.
        let microseconds =
            UInt64(clamping: min(seconds, 1_000_000)) * 1_000_000
            + UInt64(clamping: attoseconds / 1_000_000_000_000)
        append(
            runnel_jq_request(
                program_length: UInt32(JQPrelude.bytes.count + program.utf8.count), has_input: input == nil ? 0 : 1,
                cpu_microseconds: max(microseconds, 1), text: UInt64(JQLimits.text.bytes),
                outputs: UInt32(JQLimits.outputs), values: UInt32(JQLimits.values), depth: UInt32(JQLimits.depth),
                reserved: 0))
        bytes += JQPrelude.bytes
        bytes += program.utf8
        if let input { write(input) }
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
