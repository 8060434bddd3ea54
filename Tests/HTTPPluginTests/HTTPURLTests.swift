import RunnelHTTP
import RunnelKit
import Testing

@Suite("URLs") struct HTTPURLTests {
    @Test(
        "a URL is put in order",
        arguments: [
            ("http://Example.COM", "http://example.com/"),
            ("  https://example.com:443/a\n", "https://example.com/a"),
            ("HTTP://example.com:8080/a/./b/../c?x=1#part", "http://example.com:8080/a/c?x=1"),
            (
                "https://example.com/söme path?q=日本&r=a b",
                "https://example.com/s%C3%B6me%20path?q=%E6%97%A5%E6%9C%AC&r=a%20b"
            ),
            ("https://example.com/a%20b%zz", "https://example.com/a%20b%25zz"),
            ("https://example.com?list[]=1", "https://example.com/?list%5B%5D=1"),
            ("http://[::1]:81/x", "http://[::1]:81/x"),
            ("http://user:pass@example.com/", "http://example.com/"),
            ("http://example.com/..//../a//b/", "http://example.com/a//b/"),
            ("http://example.com/%2e%2E/a/.", "http://example.com/a/"),
        ])
    func order(given: String, text: String) throws {
        #expect(try HTTPURL(given).text == text)
    }

    @Test(
        "what is no URL is said in words that hold no password and no query",
        arguments: [
            ("htp://x", #""htp://x" is not an http or https URL"#),
            ("example.com/a", #""example.com/a" is not an http or https URL"#),
            ("http:/example.com", #""http:/example.com" is not an http or https URL"#),
            ("", "the URL is empty"),
            ("https://", #""https://" has no host"#),
            ("https:///path", #""https:///path" has no host"#),
            ("http://:80/", #""http://:80/" has no host"#),
            ("ftp://me:hunter22@host/a?token=t0k3n", #""ftp://***@host/a?…" is not an http or https URL"#),
            ("http://me:hunter22@/a?token=t0k3n", #""http://***@/a?…" has no host"#),
            (
                "http://me:hunter/22@host/a",
                #""http://***@host/a" has a port that is not a number from 1 to 65535"#
            ),
            ("http://a b/", #""http://a b/" has a host with a character that hosts cannot have"#),
            ("http://例え.jp/", #""http://例え.jp/" has a host with a character that hosts cannot have"#),
            ("http://a:99999/", #""http://a:99999/" has a port that is not a number from 1 to 65535"#),
            ("http://a:x/", #""http://a:x/" has a port that is not a number from 1 to 65535"#),
            ("http://a/b\nc", #""http://a/b\nc" holds a line break or another control character"#),
        ])
    func wrong(given: String, message: String) throws {
        let problem = try #require(throws: URLProblem.self) { try HTTPURL(given) }
        #expect(problem.message == message)
    }

    @Test("a field that is no URL says so with a hint")
    func field() throws {
        let error = try #require(throws: FieldError.self) { try URLText(field: "htp://x") }
        #expect(error.message == #""htp://x" is not an http or https URL"#)
        #expect(error.hint == #"write it in full, such as "https://example.com/path""#)
        let number = try #require(throws: FieldError.self) { try URLText(field: 5) }
        #expect(number.message == "expected an http or https URL, found the number 5")
    }

    @Test(
        "a reference is resolved against the page it stands on",
        arguments: [
            ("/x", "http://h:1/x"), ("x", "http://h:1/a/x"), ("../x?y", "http://h:1/x?y"), ("?q", "http://h:1/a/b?q"),
            ("//other/x", "http://other/x"), ("https://h/x", "https://h/x"), ("#part", "http://h:1/a/b?c"),
            ("", "http://h:1/a/b?c"),
        ])
    func resolving(reference: String, text: String) throws {
        #expect(try HTTPURL("http://h:1/a/b?c").resolving(reference).text == text)
    }

    @Test("user info is decoded, and a query is added behind the one there is")
    func parts() throws {
        let url = try HTTPURL("https://me%40home:p%3Aw@h/?a=1")
        #expect(url.userInfo?.user == "me@home")
        #expect(url.userInfo?.password == "p:w")
        #expect(url.adding(query: [.init("b", "x y&ü")]).text == "https://h/?a=1&b=x%20y%26%C3%BC")
        #expect(url.shown == "https://h/?…")
        #expect(url.shownWithoutPath == "https://h/…")
    }
}
