/// Tells which header fields and query parameters carry credentials, by their names.
package enum CredentialName {
    private static let words: [StaticString] = [
        "auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token",
    ]
    /// A bit for each letter that a word begins with: few do, and each field of each call is looked at.
    private static let beginnings = words.reduce(0 as UInt32) { $0 | 1 << UInt32($1.utf8Start[0] & 31) }

    /// Whether a header field of this name is likely to hold a secret.
    package static func isField(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { name in
            name.count == 3 && stands("sig", in: name, at: 0) || name.count == 4 && stands("code", in: name, at: 0)
                || name.indices.contains { start in
                    guard beginnings >> UInt32(name[start] & 31) & 1 == 1 else { return false }
                    for word in words where stands(word, in: name, at: start) { return true }
                    return false
                }
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
