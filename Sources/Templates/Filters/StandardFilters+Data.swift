import RunnelKit
import RunnelSupport

extension StandardFilters {
    static let data: [TemplateFilter] = [
        TemplateFilter(
            name: "tojson", summary: "Converts the value to JSON; with `true`, indented.",
            usage: "tojson(pretty=false)",
            arguments: 0...1
        ) { .string($0.json(pretty: $1.first?.isTruthy ?? false)) },
        TemplateFilter(name: "fromjson", summary: "Parses a JSON text.", usage: "fromjson") { value, _ in
            do {
                return try Value.json(try value.filterText())
            } catch let error as JSONError {
                throw FilterError("not JSON: \(error)")
            }
        },
        TemplateFilter(name: "base64", summary: "As base64.", usage: "base64") { value, _ in
            .string(Base64.encode(try value.asBytes ?? Array(value.filterText().utf8)))
        },
        TemplateFilter(
            name: "base64_decode",
            summary: "Decodes base64, also base64url: to a text if it is UTF-8, otherwise to binary data.",
            usage: "base64_decode"
        ) { value, _ in
            // APIs wrap long values, and some use base64url.
            let text = try value.filterText().filter { !$0.isWhitespace }
                .replacing("-", with: "+").replacing("_", with: "/")
            guard let bytes = Base64.decode(text) else { throw FilterError("not base64") }
            return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
        },
        TemplateFilter(
            name: "urlencode", summary: "Percent-encodes the text for a URL.", usage: "urlencode"
        ) { value, _ in
            .string(PercentEncoding.encode(try value.filterText(), allowed: PercentEncoding.unreserved))
        },
        TemplateFilter(
            name: "date", summary: "Formats a time in UTC by a pattern of %Y %m %d %H %M %S %j %F %T %%.",
            usage: #"date("%Y-%m-%d")"#, arguments: 1...1
        ) { value, arguments in
            guard let nanoseconds = value.asString.flatMap({ instant($0) }) ?? epoch(value) else {
                throw FilterError(
                    "expected a time such as \"2026-11-23T09:00:00Z\" or seconds since 1970, found \(value.shown)")
            }
            return .string(try formatted(Timestamp.text(nanoseconds: nanoseconds), try arguments[0].filterText()))
        },
    ]

    /// A date without a time, such as `today()`, means midnight in UTC.
    private static func instant(_ text: String) -> Int64? {
        Timestamp.parse(text.utf8.count == 10 ? text + "T00:00:00Z" : text)
    }

    private static func epoch(_ value: Value) -> Int64? {
        guard let seconds = value.asDouble, abs(seconds) < 9_000_000_000 else { return nil }
        return Int64(seconds * 1e9)
    }

    /// - Parameter time: RFC 3339 in UTC, as ``Timestamp`` writes it.
    private static func formatted(_ time: String, _ pattern: String) throws(FilterError) -> String {
        func part(_ start: Int, _ length: Int) -> String { String(time.dropFirst(start).prefix(length)) }
        var result = ""
        var characters = pattern.makeIterator()
        while let character = characters.next() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            switch characters.next() {
            case "Y": result += part(0, 4)
            case "m": result += part(5, 2)
            case "d": result += part(8, 2)
            case "H": result += part(11, 2)
            case "M": result += part(14, 2)
            case "S": result += part(17, 2)
            case "F": result += part(0, 10)
            case "T": result += part(11, 8)
            case "j":
                let first = Timestamp.parse(part(0, 4) + "-01-01T00:00:00Z") ?? 0
                let days = ((Timestamp.parse(time) ?? first) - first) / 86_400_000_000_000 + 1
                result += String(repeating: "0", count: max(0, 3 - String(days).count)) + String(days)
            case "%": result += "%"
            case let other?: throw FilterError("%\(other) is unknown in a date pattern")
            case nil: throw FilterError("the date pattern ends with a single %")
            }
        }
        return result
    }
}
