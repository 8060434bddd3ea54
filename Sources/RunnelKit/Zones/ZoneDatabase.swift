internal import LibC
internal import RunnelSupport

/// The system's IANA time zone database: one TZif file per zone.
struct ZoneDatabase: Sendable {
    /// The folders that are searched, in order.
    let folders: [String]

    /// - Throws: A ``FieldError`` that quotes the name.
    func zone(named name: String) throws(FieldError) -> Zone {
        guard Self.isSafe(name) else { throw unknown(name) }
        for folder in folders {
            guard let bytes = SmallFile.read(folder + "/" + name) else { continue }
            do {
                return Zone(name: name, rules: try TZifReader.rules(bytes))
            } catch {
                // The folder also holds tables and lists, which are not zones.
                guard bytes.starts(with: "TZif".utf8) else { continue }
                throw FieldError("the time zone \"\(name)\" cannot be used: the file \(folder)/\(name) \(error.reason)")
            }
        }
        // UTC works without a database.
        if ["UTC", "Etc/UTC"].contains(name) { return Zone(name: name, rules: .utc) }
        throw unknown(name)
    }

    /// Whether it can be a name of the database. Rejects path traversal.
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
                hint: "install the package \"tzdata\", or use UTC")
        }
        return FieldError(
            "unknown time zone \"\(name)\"",
            hint: Self.suggestion(for: name, among: names).map { "did you mean \"\($0)\"?" }
                ?? "use a name of the IANA database, such as \"Asia/Tokyo\"")
    }

    /// Also matches a name without its continent, or with a blank for `_`.
    private static func suggestion(for name: String, among names: [String]) -> String? {
        let word = String(name.map { $0 == " " ? "_" : $0 })
        if names.contains(word) { return word }
        // An offset, or an abbreviation such as JST, that is like another one by its letters can be hours away from it.
        if word.last?.isNumber ?? false, word.contains(where: { "+-".contains($0) }) { return nil }
        let plausible = names.filter { $0.count > 3 || $0.lowercased() == word.lowercased() }
        if let closest = Suggestion.closest(to: word, among: plausible) { return closest }
        let cities = names.filter { $0.contains("/") }.map {
            ($0, $0.split(separator: "/").last.map(String.init) ?? $0)
        }
        if let same = cities.first(where: { $0.1.lowercased() == word.lowercased() }) { return same.0 }
        guard let city = Suggestion.closest(to: word, among: cities.map(\.1)) else { return nil }
        return cities.first { $0.1 == city }?.0
    }

    /// The names of all zones.
    private var names: [String] {
        var names: Set<String> = []
        for folder in folders {
            // Both hold copies of every zone.
            for name in SmallFile.names(in: folder) where name != "posix" && name != "right" {
                collect(name, in: folder, depth: 0, into: &names)
            }
        }
        return names.sorted()
    }

    private func collect(_ name: String, in folder: String, depth: Int, into names: inout Set<String>) {
        let path = folder + "/" + name
        if SmallFile.isFolder(path) {
            // The deepest is America/Argentina/Ushuaia. The limit also ends cycles of links.
            guard depth < 2 else { return }
            for below in SmallFile.names(in: path) {
                collect(name + "/" + below, in: folder, depth: depth + 1, into: &names)
            }
        } else if name.first?.isUppercase == true, !name.contains(".") {
            names.insert(name)
        }
    }
}

extension ZoneDatabase {
    private static let usualFolders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]

    /// The machine's database. The environment variable `TZDIR` has precedence.
    static var system: ZoneDatabase {
        ZoneDatabase(folders: (variable("TZDIR").map { [$0] } ?? []) + usualFolders)
    }

    /// The machine's local zone: `TZ`, else `/etc/localtime`, else UTC.
    static func local() throws(FieldError) -> Zone {
        try system.local(variable: getenv("TZ").map { String(cString: $0) }, link: "/etc/localtime")
    }

    /// - Parameters:
    ///   - variable: The value of `TZ`, see tzset(3); nil if it is not set.
    ///   - link: The file of the machine's zone, usually a symbolic link into the database.
    func local(variable: String?, link: String) throws(FieldError) -> Zone {
        guard let variable else { return try zone(atPath: link) ?? .utc }
        let text = variable.hasPrefix(":") ? String(variable.dropFirst()) : variable
        if text.isEmpty { return .utc }
        if text.hasPrefix("/") {
            guard let zone = try zone(atPath: text) else {
                throw FieldError("the variable TZ names the file \"\(text)\", which cannot be read")
            }
            return zone
        }
        do {
            return try zone(named: text)
        } catch {
            guard let rule = PosixZone(text) else {
                throw FieldError("the variable TZ of the environment: \(error.message)", hint: error.hint)
            }
            return Zone(name: text, rules: ZoneRules(rule))
        }
    }

    private func zone(atPath path: String) throws(FieldError) -> Zone? {
        guard let bytes = SmallFile.read(path) else { return nil }
        let place = SmallFile.destination(ofLink: path) ?? path
        let folder = "/zoneinfo/"
        let name = place.indices.last { place[$0...].hasPrefix(folder) }
            .map { String(place[$0...].dropFirst(folder.count)) }
        do {
            return Zone(name: name ?? "local", rules: try TZifReader.rules(bytes))
        } catch {
            throw FieldError("the machine's time zone cannot be used: the file \(path) \(error.reason)")
        }
    }

    private static func variable(_ name: String) -> String? {
        guard let text = getenv(name).map({ String(cString: $0) }), !text.isEmpty else { return nil }
        return text
    }
}

/// Reads files and folders of the time zone database, without Foundation.
enum SmallFile {
    /// The maximum size in bytes, far more than any time zone needs.
    private static let limit = 1 << 20

    /// The file's bytes; nil if it does not exist, cannot be read or is too large.
    static func read(_ path: String) -> [UInt8]? {
        guard isRegular(path), let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { break }
            bytes += piece[..<count]
            guard bytes.count <= limit else { return nil }
        }
        return ferror(file) == 0 ? bytes : nil
    }

    /// The destination of a symbolic link; nil if `path` is not a link.
    static func destination(ofLink path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard readlink(path, &bytes, bytes.count) > 0 else { return nil }
        return String(upToNUL: bytes)
    }

    static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

    static func isRegular(_ path: String) -> Bool { kind(path) == S_IFREG }

    /// The names in a folder, sorted, without those that begin with a dot.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                    String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
