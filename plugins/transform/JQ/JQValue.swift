import CLibJQ
import RunnelKit

/// Values as libjq holds them. Every function here consumes what it is given, as libjq's own do.
enum JQValue {
    /// How deep a result may nest, so that reading it cannot exhaust the stack.
    static let maximumDepth = 2000

    static func make(_ value: Value) -> jv {
        switch value {
        case .null: return jv_null()
        case .bool(let flag): return flag ? jv_true() : jv_false()
        case .int(let number): return jv_number(Double(number))
        case .double(let number): return jv_number(number)
        case .string(let text): return string(text)
        case .bytes(let bytes): return string(Base64.encode(bytes))
        case .list(let items): return items.reduce(jv_array()) { jv_array_append($0, make($1)) }
        case .object(let object):
            return object.reduce(jv_object()) { jv_object_set($0, string($1.key), make($1.value)) }
        }
    }

    static func string(_ text: String) -> jv {
        var text = text
        return text.withUTF8 { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return jv_string("") }
                return jv_string_sized(start, Int32(clamping: characters.count))
            }
        }
    }

    /// nil when the value nests too deep.
    static func read(_ value: jv, depth: Int = 0) -> Value? {
        defer { jv_free(value) }
        guard depth <= maximumDepth else { return nil }
        switch jv_get_kind(value) {
        case JV_KIND_TRUE: return true
        case JV_KIND_FALSE: return false
        case JV_KIND_NUMBER: return number(jv_number_value(value))
        case JV_KIND_STRING: return .string(text(value))
        case JV_KIND_ARRAY:
            var items: [Value] = []
            for index in 0..<jv_array_length(jv_copy(value)) {
                guard let item = read(jv_array_get(jv_copy(value), index), depth: depth + 1) else { return nil }
                items.append(item)
            }
            return .list(items)
        case JV_KIND_OBJECT:
            var object = ValueObject()
            var iterator = jv_object_iter(value)
            while jv_object_iter_valid(value, iterator) != 0 {
                let key = jv_object_iter_key(value, iterator)
                object[text(key)] = read(jv_object_iter_value(value, iterator), depth: depth + 1)
                jv_free(key)
                iterator = jv_object_iter_next(value, iterator)
            }
            return .object(object)
        default: return .null
        }
    }

    /// The text of a string, which stays the caller's.
    static func text(_ string: jv) -> String {
        guard jv_get_kind(string) == JV_KIND_STRING, let start = jv_string_value(string) else { return "" }
        let length = Int(jv_string_length_bytes(jv_copy(string)))
        return start.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }

    /// jq knows floating-point numbers only; what is whole and exact is a whole number again.
    private static func number(_ number: Double) -> Value {
        if let whole = Int64(exactly: number), abs(number) <= 9_007_199_254_740_992 { return .int(whole) }
        if number.isNaN { return .null }
        return .double(min(max(number, -.greatestFiniteMagnitude), .greatestFiniteMagnitude))
    }
}
