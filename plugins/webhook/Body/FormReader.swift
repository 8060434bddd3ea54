internal import RunnelHTTP
internal import RunnelKit

/// Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), which is also how queries are written.
enum FormReader {
    static let maxFields = 1000

    /// Names and values; the values of a name that stands there repeatedly are a list.
    static func read(_ bytes: [UInt8]) throws(BodyProblem) -> ValueObject {
        .gathering(try pairs(bytes).map { ($0.name, .string($0.value)) }, .flat)
    }

    /// Names and values as they stand there.
    static func pairs(
        _ bytes: [UInt8], charset: String? = nil
    ) throws(BodyProblem) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in bytes.split(separator: UInt8(ascii: "&"), maxSplits: maxFields) {
            guard pairs.count < maxFields else { throw .malformed("the form has more than \(maxFields) fields") }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try text(pair[..<equals], charset)
            pairs.append((name, try text(pair[equals...].dropFirst(), charset)))
        }
        return pairs
    }

    private static func text(_ encoded: ArraySlice<UInt8>, _ charset: String?) throws(BodyProblem) -> String {
        do {
            return try TextDecoding.decode(decoded(encoded), charset: charset)
        } catch {
            throw .unsupported(
                code: .unsupportedCharset,
                message: "the charset \(Value.string(error.name).quoted()) is not known here")
        }
    }

    private static func decoded(_ encoded: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(encoded.count)
        var rest = encoded
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): output.append(0x20)
            case UInt8(ascii: "%"):
                if let code = CodeEncoding.hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)), code.count == 1
                {
                    output += code
                    rest = rest.dropFirst(2)
                } else {
                    output.append(byte)
                }
            default: output.append(byte)
            }
        }
        return output
    }
}
