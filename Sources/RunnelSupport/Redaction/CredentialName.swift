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
                    beginnings >> UInt32(name[start] & 31) & 1 == 1
                        && words.contains { stands($0, in: name, at: start) }
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
        word.withUTF8Buffer { word in
            start + word.count <= name.count
                && word.indices.allSatisfy { name[start + $0].lowercasedASCII == word[$0] }
        }
    }
}
