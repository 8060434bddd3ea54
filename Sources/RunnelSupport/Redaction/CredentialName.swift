/// Tells which header fields and query parameters carry credentials, by their names.
package enum CredentialName {
    /// Whether a header field of this name is likely to hold a secret.
    package static func isField(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { name in
            name.count == 3 && stands("sig", in: name, at: 0) || name.count == 4 && stands("code", in: name, at: 0)
                || name.indices.contains { hasWord(name, at: $0) }
        }
    }

    /// Compares only the words that begin with the letter at `start`. Hot path: it checks each header field of each delivery.
    private static func hasWord(_ name: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        switch name[start].lowercasedASCII {
        case UInt8(ascii: "a"): stands("auth", in: name, at: start)
        case UInt8(ascii: "c"): stands("cookie", in: name, at: start) || stands("credential", in: name, at: start)
        case UInt8(ascii: "k"): stands("key", in: name, at: start)
        case UInt8(ascii: "p"): stands("passw", in: name, at: start)
        case UInt8(ascii: "s"):
            stands("secret", in: name, at: start) || stands("session", in: name, at: start)
                || stands("signature", in: name, at: start)
        case UInt8(ascii: "t"): stands("token", in: name, at: start)
        default: false
        }
    }

    /// Whether a query parameter is one that senders put credentials in. Narrower than for header fields, whose names say
    /// what they are: `keyword` and `author` are what a caller asks for.
    package static func isParameter(_ name: String) -> Bool {
        let name = String(name.lowercased().filter { $0.isLetter || $0.isNumber })
        return ["key", "sig", "auth", "authorization", "passwd", "jwt"].contains(name)
            || ["token", "secret", "password", "signature", "apikey", "accesskey"].contains(where: name.hasSuffix)
    }

    /// - Parameter word: In lower case.
    private static func stands(_ word: StaticString, in name: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        let count = word.utf8CodeUnitCount
        guard start + count <= name.count else { return false }
        for index in 0..<count where name[start + index].lowercasedASCII != word.utf8Start[index] { return false }
        return true
    }
}
