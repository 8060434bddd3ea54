import RunnelKit
import RunnelTesting
import Testing

@Suite("CSV (RFC 4180)") struct CSVReaderTests {
    @Test(
        "records without a header are lists of texts",
        arguments: [
            ("", []), ("\n\n", []), ("a", [["a"]]), ("a,b\n", [["a", "b"]]),
            ("a,b\r\nc,d", [["a", "b"], ["c", "d"]]),
            ("a,\n", [["a", ""]]), (",", [["", ""]]), (",\n,", [["", ""], ["", ""]]), ("\"\"", [[""]]),
            ("\"\",\"\"\r\n", [["", ""]]), ("\"a,b\",c", [["a,b", "c"]]), ("\"a\"\"b\"", [["a\"b"]]),
            ("\"\"\"\"", [["\""]]),
            ("\"a\nb\",c\n", [["a\nb", "c"]]), ("\"a\r\nb\"", [["a\r\nb"]]),
            ("a\n\nb\r\n\r\nc", [["a"], ["b"], ["c"]]),
            (" a , b ", [[" a ", " b "]]), ("a\"b,c", [["a\"b", "c"]]), ("a\rb", [["a"], ["b"]]), ("a\r", [["a"]]),
            ("a,b\r1,2\r3,4", [["a", "b"], ["1", "2"], ["3", "4"]]), ("a\r\nb\rc\nd", [["a"], ["b"], ["c"], ["d"]]),
            ("\"a\rb\",c\rd,e", [["a\rb", "c"], ["d", "e"]]), ("\"a\"\r\rb", [["a"], ["b"]]),
            ("\u{FEFF}a,b", [["a", "b"]]), ("\u{FEFF}\"a\"", [["a"]]), ("ä,🦆", [["ä", "🦆"]]),
            ("a,\u{301}b", [["a", "\u{301}b"]]), ("\"\u{301},\"", [["\u{301},"]]),
            ("\"a\",\u{FE0F}", [["a", "\u{FE0F}"]]),
            ("\"a\u{2028}b\"", [["a\u{2028}b"]]),
        ] as [(String, [Value])])
    func lists(text: String, rows: [Value]) throws {
        #expect(try CSVReader(hasHeader: false).rows(of: text) == rows)
    }

    @Test(
        "with a header, records are objects in the order of the columns",
        arguments: [
            ("", []), ("a,b\n", []), ("a,b\n1,2\r\n", [["a": "1", "b": "2"]]),
            ("b,a\n\"x\ny\",", [["b": "x\ny", "a": ""]]),
            (",b\n1,2", [["": "1", "b": "2"]]), ("a\n1\n\n2", [["a": "1"], ["a": "2"]]),
        ] as [(String, [Value])])
    func objects(text: String, rows: [Value]) throws {
        let read = try CSVReader().rows(of: text)
        #expect(read == rows)
        #expect(read.map { $0.json() } == rows.map { $0.json() })
    }

    @Test("another delimiter leaves commas alone", arguments: [";", "\t", "|", "→"] as [Character])
    func delimiter(delimiter: Character) throws {
        let text = "a,b\(delimiter)c\n\"d\(delimiter)e\"\(delimiter)f"
        #expect(
            try CSVReader(delimiter: delimiter, hasHeader: false).rows(of: text)
                == [["a,b", "c"], [.string("d\(delimiter)e"), "f"]])
    }

    @Test(
        "what is wrong is said with its line",
        arguments: [
            ("a,b\n1,2\n3\n", "the header has 2 columns, this row has 1", 3),
            ("a\n1,2", "the header has 1 column, this row has 2", 2),
            ("a,b\n\"x\ny\nz\",1\n2", "the header has 2 columns, this row has 1", 5),
            ("a,b\n\n\n1", "the header has 2 columns, this row has 1", 4),
            ("a,b\r\n\"x\r\ny\",1\r\n2", "the header has 2 columns, this row has 1", 4),
            ("a,b\r\"x\ry\",1\r2", "the header has 2 columns, this row has 1", 4),
            ("\na,b,a\n", "two columns are named \"a\"", 2), ("id,,\n", "two columns have no name", 1),
            ("a\n\"1\n2\n3", "the quote that opens here is never closed", 2),
            ("a\n\"1\n2\"3", "expected the delimiter after a closing quote, found \"3\"", 3),
            ("\"a\" ,b", "expected the delimiter after a closing quote, found \" \"", 1),
        ])
    func failures(text: String, message: String, line: Int) throws {
        let failure = try #require(throws: CSVReader.Failure.self) { try CSVReader().rows(of: text) }
        #expect(failure.message == message)
        #expect(failure.line == line)
        let hint = "remove the empty columns, name them, or read lists with `header: false`"
        #expect(failure.hint == (text == "id,,\n" ? hint : nil))
    }

    @Test("many columns and rows are read in time that grows with their number", .timeLimit(.minutes(5)))
    func size() throws {
        let header = (0..<20_000).map { "c\($0)" }.joined(separator: ",")
        #expect(try CSVReader().rows(of: header + "\n" + header).first?.asObject?.count == 20_000)
        #expect(try CSVReader().rows(of: "a,b\n" + String(repeating: "1,\"2\"\n", count: 20_000)).count == 20_000)
    }
}
