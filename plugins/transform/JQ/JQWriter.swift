import CLibJQ
import RunnelKit

/// Makes libjq's values of ours, without a detour through JSON text.
///
/// jq's numbers are floating-point; what they cannot hold exactly is kept in ``largeNumbers``. Binary data becomes
/// base64; not a number becomes null, since jq 1.6 cannot be trusted with it.
struct JQWriter {
    private(set) var largeNumbers = LargeNumbers()

    /// The caller owns the result.
    mutating func write(_ value: Value) -> jv {
        switch value {
        case .null: return jv_null()
        case .bool(let flag): return flag ? jv_true() : jv_false()
        case .int(let number):
            largeNumbers.note(value, as: Double(number))
            return jv_number(Double(number))
        case .double(let number):
            largeNumbers.note(value, as: number)
            return number.isNaN ? jv_null() : jv_number(number)
        case .string(let text): return Self.string(text)
        case .bytes(let bytes): return Self.string(Base64.encode(bytes))
        case .list(let items):
            var list = jv_array_sized(Int32(clamping: items.count))
            for item in items { list = jv_array_append(list, write(item)) }
            return list
        case .object(let members):
            var object = jv_object()
            for (key, member) in members { object = jv_object_set(object, Self.string(key), write(member)) }
            return object
        }
    }

    /// The caller owns the result.
    static func string(_ text: String) -> jv {
        var text = text
        return text.withUTF8 { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return jv_string("") }
                return jv_string_sized(start, Int32(clamping: characters.count))
            }
        }
    }
}
