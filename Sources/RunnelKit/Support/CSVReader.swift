/// Reads CSV (RFC 4180): fields in quotes may hold delimiters, line breaks and doubled quotes.
///
/// Lines end with LF or CRLF; a byte order mark is passed over, and so are empty lines.
public struct CSVReader: Sendable {
    public var delimiter: Character
    /// Whether the first line names the columns, so that rows are objects; else they are lists.
    public var hasHeader: Bool

    public init(delimiter: Character = ",", hasHeader: Bool = true) {
        self.delimiter = delimiter
        self.hasHeader = hasHeader
    }

    /// What is wrong with a CSV text.
    public struct Failure: Error, Sendable, Hashable {
        public let message: String
        /// From 1.
        public let line: Int
    }

    /// The rows; every value is a string.
    public func rows(of text: String) throws(Failure) -> [Value] {
        let records = try records(of: text)
        guard hasHeader else { return records.map { .list($0.fields.map { .string($0) }) } }
        guard let header = records.first else { return [] }
        let names = header.fields
        if let twice = names.enumerated().first(where: { names[..<$0.offset].contains($0.element) })?.element {
            throw Failure(message: "two columns are named \"\(twice)\"", line: header.line)
        }
        var rows: [Value] = []
        for record in records.dropFirst() {
            guard record.fields.count == names.count else {
                throw Failure(
                    message: "the header has \(names.count) columns, this row has \(record.fields.count)", line: record.line)
            }
            rows.append(.object(ValueObject(zip(names, record.fields.map { .string($0) }))))
        }
        return rows
    }

    private struct Record {
        var fields: [String]
        let line: Int
    }

    private func records(of text: String) throws(Failure) -> [Record] {
        var records: [Record] = []
        var fields: [String] = []
        var field = ""
        var line = 1
        var recordLine = 1
        var quoteLine = 0
        var state = State.start
        for character in text.first == "\u{FEFF}" ? text.dropFirst() : text[...] {
            switch (state, character) {
            case (.quoted, "\""): state = .quoteInQuoted
            case (.quoted, _):
                field.append(character)
                if character.isNewline { line += 1 }
            case (.quoteInQuoted, "\""):
                field.append("\"")
                state = .quoted
            case (_, delimiter):
                fields.append(field)
                field = ""
                state = .start
            case (_, "\n"), (_, "\r\n"):
                if !(fields.isEmpty && field.isEmpty && state == .start) {
                    records.append(Record(fields: fields + [field], line: recordLine))
                }
                (fields, field, state) = ([], "", .start)
                line += 1
                recordLine = line
            case (.start, "\""):
                state = .quoted
                quoteLine = line
            case (.quoteInQuoted, _):
                throw Failure(message: "expected the delimiter after a closing quote, found \"\(character)\"", line: line)
            default:
                field.append(character)
                state = .bare
            }
        }
        guard state != .quoted else { throw Failure(message: "the quote that opens here is never closed", line: quoteLine) }
        if !(fields.isEmpty && field.isEmpty && state == .start) {
            records.append(Record(fields: fields + [field], line: recordLine))
        }
        return records
    }

    private enum State { case start, bare, quoted, quoteInQuoted }
}
