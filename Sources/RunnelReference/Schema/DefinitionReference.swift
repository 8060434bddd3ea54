/// How `$ref` names a member of `definitions`: a JSON pointer (RFC 6901) in a URI's fragment (RFC 3986, section 3.5).
enum DefinitionReference {
    static func text(_ key: String) -> String { "#/definitions/" + key.utf8.map(escaped).joined() }

    private static func escaped(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "~"): return "~0"
        case UInt8(ascii: "/"): return "~1"
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return String(UnicodeScalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }
    }
}
