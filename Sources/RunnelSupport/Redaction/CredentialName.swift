/// Tells which header fields and query parameters carry credentials, by their names.
package enum CredentialName {
    private static let words = [
        "auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token",
    ].map { Array($0.utf8) }
    /// Whether a word begins with the byte.
    private static let begins = (UInt8.min...UInt8.max).map { byte in words.contains { $0.first == byte } }

    /// Whether a header field of this name is likely to hold a secret.
    package static func isField(_ name: String) -> Bool {
        let name = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return name.elementsEqual("sig".utf8) || name.elementsEqual("code".utf8)
            || name.indices.contains { start in
                // Each header field of each call is looked at, and few letters begin a word.
                begins[Int(name[start])] && words.contains { stands($0, in: name, at: start) }
            }
    }

    /// Whether a query parameter is one that senders put credentials in. Narrower than for header fields, whose names say
    /// what they are: `keyword` and `author` are what a caller asks for.
    package static func isParameter(_ name: String) -> Bool {
        let name = String(name.lowercased().filter { $0.isLetter || $0.isNumber })
        return ["key", "sig", "auth", "authorization", "passwd", "jwt"].contains(name)
            || ["token", "secret", "password", "signature", "apikey", "accesskey"].contains(where: name.hasSuffix)
    }

    private static func stands(_ word: [UInt8], in name: [UInt8], at start: Int) -> Bool {
        guard start + word.count <= name.count else { return false }
        for place in word.indices where name[start + place] != word[place] { return false }
        return true
    }
}
