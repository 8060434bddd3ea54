/// A path below the project's folder: names joined by slashes, none of them `.` or `..`; empty for the folder itself.
///
/// Compared by bytes, as the system does. `String` would treat canonically equivalent names as equal.
struct FilePath: Sendable {
    let text: String

    static let project = FilePath("")

    init(_ text: String) {
        self.text = text
    }

    var isProject: Bool { text.isEmpty }

    var parts: [String] {
        text.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    var name: String { parts.last ?? "" }

    var folder: FilePath {
        guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return .project }
        return FilePath(String(text[..<slash]))
    }

    func appending(_ name: String) -> FilePath {
        isProject ? FilePath(name) : FilePath(text + "/" + name)
    }

    func appending(_ path: FilePath) -> FilePath {
        path.isProject ? self : appending(path.text)
    }

    /// Whether it is the folder itself or below it.
    func isWithin(_ folder: FilePath) -> Bool {
        relative(to: folder) != nil
    }

    /// The rest of the path below `folder`; nil when it is not within.
    func relative(to folder: FilePath) -> FilePath? {
        if folder.isProject { return self }
        let (path, prefix) = (text.utf8, folder.text.utf8)
        guard path.starts(with: prefix) else { return nil }
        let rest = path.dropFirst(prefix.count)
        if rest.isEmpty { return .project }
        guard rest.first == UInt8(ascii: "/") else { return nil }
        return FilePath(String(decoding: rest.dropFirst(), as: UTF8.self))
    }

    /// The path percent-encoded to ASCII.
    var encoded: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), UInt8.hexDigit(byte >> 4), UInt8.hexDigit(byte & 15)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The inverse of ``encoded``; nil if the text is malformed.
    init?(encoded: some StringProtocol) {
        var bytes: [UInt8] = []
        var rest = encoded.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst()?.hexValue, let low = rest.popFirst()?.hexValue else { return nil }
            bytes.append(high << 4 | low)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.text = text
    }
}

extension FilePath: Hashable {
    static func == (left: FilePath, right: FilePath) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension UInt8 {
    /// The digit of a number below 16.
    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// A file's name as bytes, which need not be valid text.
struct RawName: Sendable, Hashable {
    let bytes: [UInt8]

    /// The name as text; nil if it is not UTF-8.
    var text: String? { String(validating: bytes, as: UTF8.self) }

    /// The name for messages: bytes other than printable ASCII as `\xE9`.
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
