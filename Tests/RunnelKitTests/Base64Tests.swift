import RunnelKit
import Testing

@Suite("Base64")
struct Base64Tests {
    // The examples of RFC 4648, section 10.
    @Test(
        "the examples of the RFC hold both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        #expect(Base64.decode(encoded.filter { $0 != "=" }) == Array(text.utf8))
    }

    @Test("all bytes come back")
    func roundTrip() {
        let bytes = Array(UInt8.min...UInt8.max)
        for length in 250...256 {
            let part = Array(bytes.prefix(length))
            #expect(Base64.decode(Base64.encode(part)) == part)
        }
    }

    @Test(
        "what is no base64 is refused",
        arguments: [
            "Z", "Zg=a", "Zm9v!", "Zm 9v", "Zg==\n", "Zh==", "Zm9=", "====", "Zg===", "é", "Zm-_", "=", "Zg=", "Zm9v=",
        ])
    func refused(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
