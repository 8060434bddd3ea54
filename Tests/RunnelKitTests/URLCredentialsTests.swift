import RunnelKit
import RunnelSupport
import Testing

@Suite("Credentials in URLs") struct URLCredentialsTests {
    @Test(
        "are masked, also where the URL is not valid",
        arguments: [
            ("http://me:hunter2@proxy:3128", "http://***@proxy:3128"), ("https://t0ken@h/a?b=c", "https://***@h/a?b=c"),
            ("me:hunter2@proxy:3128", "***@proxy:3128"), ("//me:hunter2@h", "//***@h"),
            ("http:/me:hunter2@h", "http:/***@h"), ("http://me:hun/ter#2@h", "http://***@h"),
            ("http://me:hun?ter@h:99999/", "http://***@h:99999/"), ("http://me:p@hunter2@h", "http://***@h"),
            ("https://h/?token=hunter2&a=b", "https://h/?token=***&a=b"),
            ("postgres://me:hunter2@h/db?sslpassword=hunter2", "postgres://me:***@h/db?sslpassword=***"),
        ])
    func masked(text: String, shown: String) {
        #expect(URLCredentials.masked(text) == shown)
    }

    @Test("have a range for each of them, also behind a password with a \"?\"")
    func ranges() {
        func found(_ text: String) -> [String] { URLCredentials.ranges(in: text).map { String(text[$0]) } }
        #expect(found("https://t0ken@h/?a=b&api_key=hunter2&token=&sig=c#d") == ["t0ken", "hunter2", "c#d"])
        #expect(found("http://me:hun?token=r@h/?key=k") == ["me:hun?token=r", "k"])
        #expect(found("postgres://me@h/db?password=hunter2") == ["hunter2"])
        #expect(found("https://h/?keyword=a&b") == [])
    }

    @Test(
        "are not seen where there are none",
        arguments: [
            "https://example.com/@me/a", "https://h:8080/a@b", "https://[::1]:81/a@b", "ann@example.com",
            "postgres://me@h/db", "/home/a@b/key.pem", "none", "https://@h", "",
        ])
    func none(text: String) {
        #expect(URLCredentials.masked(text) == text)
    }

    @Test("have a password where a URL with a scheme has one")
    func password() {
        #expect(URLCredentials.password(in: "postgres://me:hunter2@h/db") == "hunter2")
        #expect(URLCredentials.password(in: "http://me:a:b@h") == "a:b")
        for text in ["http://me@h", "http://me:@h", "postgres://h:5432/db", "mailto:ann@example.com"] {
            #expect(URLCredentials.password(in: text) == nil, "\(text)")
        }
    }

    @Test("are masked in every URL of a value, and not in other texts")
    func value() {
        let value: Value = ["a": ["http://me:hunter2@h"], "b": "write to https://h, or to ann@example.com", "c": 5]
        #expect(
            URLCredentials.masked(value)
                == ["a": ["http://***@h"], "b": "write to https://h, or to ann@example.com", "c": 5])
    }
}
