/// Reads CSV (RFC 4180): fields in quotes may hold delimiters, line breaks and doubled quotes.
///
/// Lines end with CRLF, LF or CR; a byte order mark is passed over, and so are empty lines.
public struct CSVReader: Sendable {
    /// One Unicode scalar, neither a quote nor a line break.
    public var delimiter: Character
    /// Whether the first line names the columns, so that rows are objects; else they are lists.
    public var hasHeader: Bool

    /// A reader.
    /// - Parameters:
    ///   - delimiter: What stands between two fields.
    ///   - hasHeader: Whether the first line names the columns.
    public init(delimiter: Character = ",", hasHeader: Bool = true) {
        self.delimiter = delimiter
        self.hasHeader = hasHeader
    }

    /// What is wrong with a CSV text.
    public struct Failure: Error, Sendable, Hashable {
        /// What is wrong, without the line.
        public let message: String
        /// From 1.
        public let line: Int
        /// What to do about it.
        public var hint: String?
    }

    /// The rows; every value is a string.
    public func rows(of text: String) throws(Failure) -> [Value] {
        let records = try records(of: text)
        guard hasHeader else { return records.map { .list($0.fields.map { .string($0) }) } }
        guard let header = records.first else { return [] }
        let names = header.fields
        var seen: Set<String> = []
        if let twice = names.first(where: { !seen.insert($0).inserted }) {
            // Spreadsheets write empty columns at the end of each line: `id,name,,`.
            throw twice.isEmpty
                ? Failure(
                    message: "two columns have no name", line: header.line,
                    hint: "remove the empty columns, name them, or read lists with `header: false`")
                : Failure(message: "two columns are named \"\(twice)\"", line: header.line)
        }
        var rows: [Value] = []
        for record in records.dropFirst() {
            guard record.fields.count == names.count else {
                throw Failure(
                    message:
                        "the header has \(names.count) column\(names.count == 1 ? "" : "s"), this row has \(record.fields.count)",
                    line: record.line)
            }
            rows.append(.object(ValueObject(zip(names, record.fields.map { .string($0) }))))
        }
        return rows
    }

    private struct Record {
        var fields: [String]
        let line: Int
    }

    /// Works on Unicode scalars: a delimiter or quote counts also where a combining mark follows it.
    private func records(of text: String) throws(Failure) -> [Record] {
        var records: [Record] = []
        var fields: [String] = []
        var field = String.UnicodeScalarView()
        var line = 1
        var recordLine = 1
        var quoteLine = 0
        var state = State.start
        let separator = delimiter.unicodeScalars.first
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        if scalars.first == "\u{FEFF}" { scalars.formIndex(after: &index) }
        while index < scalars.endIndex {
            let scalar = scalars[index]
            scalars.formIndex(after: &index)
            switch (state, scalar) {
            case (.quoted, "\""): state = .quoteInQuoted
            case (.quoted, _):
                field.append(scalar)
                let isLineEnd =
                    scalar == "\n" || scalar == "\r" && !(index < scalars.endIndex && scalars[index] == "\n")
                if isLineEnd { line += 1 }
            case (.quoteInQuoted, "\""):
                field.append(scalar)
                state = .quoted
            case (_, separator):
                fields.append(String(field))
                (field, state) = (.init(), .start)
            case (_, "\r") where index < scalars.endIndex && scalars[index] == "\n": break
            case (_, "\n"), (_, "\r"):
                if !(fields.isEmpty && state == .start) {
                    records.append(Record(fields: fields + [String(field)], line: recordLine))
                }
                (fields, field, state) = ([], .init(), .start)
                line += 1
                recordLine = line
            case (.start, "\""):
                state = .quoted
                quoteLine = line
            case (.quoteInQuoted, _):
                throw Failure(message: "expected the delimiter after a closing quote, found \"\(scalar)\"", line: line)
            default:
                field.append(scalar)
                state = .bare
            }
        }
        guard state != .quoted else {
            throw Failure(message: "the quote that opens here is never closed", line: quoteLine)
        }
        if !(fields.isEmpty && state == .start) {
            records.append(Record(fields: fields + [String(field)], line: recordLine))
        }
        return records
    }

    private enum State { case start, bare, quoted, quoteInQuoted }
}
