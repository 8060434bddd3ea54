import Crypto

extension Sequence<UInt8> {
    /// Two digits for each byte, in lower case.
    package var hexadecimal: String {
        var text = ""
        for byte in self { text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }
        return text
    }
}

extension String {
    /// The SHA-256 of the text in UTF-8, in hexadecimal.
    var sha256: String { SHA256.hash(data: Array(utf8)).hexadecimal }
}
