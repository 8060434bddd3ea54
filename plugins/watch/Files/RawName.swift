/// A file's name as the system has it: bytes that need not be text.
struct RawName: Sendable, Hashable {
    let bytes: [UInt8]

    /// The name as text; nil when it is not UTF-8.
    var text: String? { String(validating: bytes, as: UTF8.self) }

    /// For a person: bytes that are no printable ASCII as `\xE9`.
    var escaped: String {
        var escaped: [UInt8] = []
        for byte in bytes {
            if (0x20...0x7E).contains(byte) {
                escaped.append(byte)
            } else {
                escaped += [
                    UInt8(ascii: "\\"), UInt8(ascii: "x"), UInt8.hexDigit(byte >> 4), UInt8.hexDigit(byte & 15),
                ]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
