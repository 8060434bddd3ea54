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
            usage: #"date("%Y-%m-%d")"#, arguments: 1...1,
            checkArguments: { _ = try formatted(0, $0[0]?.filterText() ?? "") }
        ) { value, arguments in
            guard let seconds = value.asString.flatMap({ instant($0) }) ?? epoch(value), years.contains(seconds) else {
                throw FilterError(
                    "expected a time such as \"2026-11-23T09:00:00Z\" or seconds since 1970, found \(value.shown)")
            }
            return .string(try formatted(seconds, try arguments[0].filterText()))
        },
    ]

    /// A date without a time, such as `today()`, means midnight in UTC.
    private static func instant(_ text: String) -> Int64? {
        Timestamp.seconds(text.utf8.count == 10 ? text + "T00:00:00Z" : text)
    }

    private static func epoch(_ value: Value) -> Int64? {
        value.asDouble.flatMap { Int64(exactly: $0.rounded(.down)) }
    }

    /// The years 0000 to 9999, in seconds since 1970.
    private static let years: Range<Int64> = -62_167_219_200..<253_402_300_800

    /// - Parameter seconds: Since 1970, within ``years``.
    private static func formatted(_ seconds: Int64, _ pattern: String) throws(FilterError) -> String {
        let days = Int(seconds.flooredQuotient(86_400))
        let date = CivilDate(daysSinceEpoch: days)
        let time = Int(seconds.flooredRemainder(86_400))
        let (hour, minute, second) = ((time / 3600).padded(2), (time / 60 % 60).padded(2), (time % 60).padded(2))
        var result = ""
        var characters = pattern.makeIterator()
        while let character = characters.next() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            switch characters.next() {
            case "Y": result += date.year.padded(4)
            case "m": result += date.month.padded(2)
            case "d": result += date.day.padded(2)
            case "H": result += hour
            case "M": result += minute
            case "S": result += second
            case "F": result += date.description
            case "T": result += "\(hour):\(minute):\(second)"
            case "j":
                let first = CivilDate(year: date.year, month: 1, day: 1).daysSinceEpoch
                result += (days - first + 1).padded(3)
            case "%": result += "%"
            case let other?: throw FilterError("%\(other) is unknown in a date pattern")
            case nil: throw FilterError("the date pattern ends with a single %")
            }
        }
        return result
    }
}
