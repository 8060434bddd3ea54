import RunnelKit

/// The IANA time zone database, as the system keeps it: one TZif file a zone.
struct ZoneDatabase: Sendable {
    /// Where zones are looked for, one folder after the other.
    let folders: [String]

    /// - Throws: A ``FieldError`` that quotes the name.
    func zone(named name: String) throws(FieldError) -> Zone {
        guard Self.isSafe(name) else { throw unknown(name) }
        for folder in folders {
            guard let bytes = SmallFile.read(folder + "/" + name) else { continue }
            do {
                return Zone(name: name, rules: try TZifReader.rules(bytes))
            } catch {
                // Tables and lists stand in the same folder; they are no zones.
                guard bytes.starts(with: "TZif".utf8) else { continue }
                throw FieldError("the time zone \"\(name)\" cannot be used: the file \(folder)/\(name) \(error.reason)")
            }
        }
        // Right whatever the machine lacks.
        if ["UTC", "Etc/UTC"].contains(name) { return Zone(name: name, rules: .utc) }
        throw unknown(name)
    }

    /// Names of the database only: nothing that leads out of its folders.
    private static func isSafe(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= 100
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".")
                    && part.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "_+-".utf8.contains(byte)
                    }
            }
    }

    private func unknown(_ name: String) -> FieldError {
        let names = names
        guard !names.isEmpty else {
            return FieldError(
                "the time zone \"\(name)\" cannot be read: there is no time zone database in "
                    + folders.joined(separator: ", "),
                hint: "install the package \"tzdata\", or say UTC")
        }
        return FieldError(
            "there is no time zone \"\(name)\"",
            hint: Self.suggestion(for: name, among: names).map { "did you mean \"\($0)\"?" }
                ?? "use a name of the IANA database, such as \"Asia/Tokyo\"")
    }

    /// People leave out the continent, or write a blank.
    private static func suggestion(for name: String, among names: [String]) -> String? {
        let word = String(name.map { $0 == " " ? "_" : $0 })
        if names.contains(word) { return word }
        if let closest = Suggestion.closest(to: word, among: names) { return closest }
        let cities = names.filter { $0.contains("/") }.map {
            ($0, $0.split(separator: "/").last.map(String.init) ?? $0)
        }
        if let same = cities.first(where: { $0.1.lowercased() == word.lowercased() }) { return same.0 }
        guard let city = Suggestion.closest(to: word, among: cities.map(\.1)) else { return nil }
        return cities.first { $0.1 == city }?.0
    }

    /// All zones there are.
    private var names: [String] {
        var names: Set<String> = []
        for folder in folders {
            // The two hold every zone once more, counted differently.
            for name in SmallFile.names(in: folder) where name != "posix" && name != "right" {
                collect(name, in: folder, depth: 0, into: &names)
            }
        }
        return names.sorted()
    }

    private func collect(_ name: String, in folder: String, depth: Int, into names: inout Set<String>) {
        let path = folder + "/" + name
        if SmallFile.isFolder(path) {
            // The deepest is America/Argentina/Ushuaia. A link in a circle ends here too.
            guard depth < 2 else { return }
            for below in SmallFile.names(in: path) {
                collect(name + "/" + below, in: folder, depth: depth + 1, into: &names)
            }
        } else if name.first?.isUppercase == true, !name.contains(".") {
            names.insert(name)
        }
    }
}
