import NIOHTTP1
import RunnelHTTP
import RunnelKit
import Testing

@Suite("Header and form fields") struct FieldTests {
    @Test(
        "a header that would break the request is refused, its value untold",
        arguments: [
            (["X-Token": "abc\r\nEvil: 1"], "X-Token", "a header value cannot hold a line break"),
            (["X-Token": "abc\n"], "X-Token", "a header value cannot hold a line break"),
            (["X-Token": "a\u{0}b"], "X-Token", "a header value cannot hold a control character"),
            (["X Token": "a"], "X Token", #""X Token" is not a header name"#),
            (["X:": "a"], "X:", #""X:" is not a header name"#),
            (["": "a"], "", #""" is not a header name"#),
            (["a\r\nb": "a"], "a\r\nb", #""a\r\nb" is not a header name"#),
            (["Content-Length": "5"], "Content-Length", #"Runnel sets the header "Content-Length" itself"#),
            (["X": ["a"]], "X", "expected a string, found a list"),
            (["X": .null], "X", "expected a string, found null"),
        ] as [(Value, String, String)])
    func header(value: Value, key: String, message: String) throws {
        let error = try #require(throws: FieldError.self) { try HeaderFields(field: value) }
        #expect(error.message == message)
        #expect(error.path == [.key(key)])
        #expect(!"\(error)".contains("abc"))
    }

    @Test("numbers and truth values are header values too, and names count without case")
    func headers() throws {
        let headers = try HeaderFields(field: ["X-Version": 2, "X-Dry-Run": true, "x-version": "3"]).headers
        #expect(headers["X-Version"] == ["3"])
        #expect(headers["x-dry-run"] == ["true"])
    }

    @Test("names that differ only in case are a mistake in a file; of those that a run brings the last wins")
    func sameNames() throws {
        let problems = HeaderFields.problems(in: ["X-Version": 2, "X-Dry-Run": true, "x-version": "3"])
        #expect(
            problems.map(\.description) == [
                "`x-version`: \"X-Version\" and \"x-version\" are the same header; "
                    + "leave one of them out: names of headers count without case"
            ])
        #expect(HeaderFields.problems(in: ["X": 1, "Y": 2]).isEmpty)
        #expect(
            HeaderFields.problems(in: ["X": .null, "x": 2]).map(\.message) == ["expected a string, found null"])
    }

    @Test("a form is encoded as browsers do, a list repeats its name")
    func form() throws {
        let form = try FormFields(field: ["a b": "x&y=ü", "n": [1, 2.5], "t": true])
        #expect(form.formText == "a+b=x%26y%3D%C3%BC&n=1&n=2.5&t=true")
        #expect(form.queryText == "a%20b=x%26y%3D%C3%BC&n=1&n=2.5&t=true")
    }

    @Test("null in a form is an error, not an empty value")
    func formNull() throws {
        let error = try #require(throws: FieldError.self) { try FormFields(field: ["a": ["b", .null]]) }
        #expect(
            StepError(badConfiguration: error).message
                == "`a[1]`: expected a string, a number, true or false, found null")
    }
}
