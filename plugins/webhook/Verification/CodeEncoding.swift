internal import RunnelKit

/// How a signature is written.
enum CodeEncoding: String, FieldChoice {
    case hex, base64, base64url

    /// The bytes; nil for a text that is not in this encoding.
    func decode(_ text: some StringProtocol) -> [UInt8]? {
        switch self {
        case .hex: Self.hex(text)
        case .base64: Base64.decode(text)
        case .base64url:
            text.contains { $0 == "+" || $0 == "/" }
                ? nil : Base64.decode(String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }))
        }
    }

    private static func hex(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return bytes
    }
}
