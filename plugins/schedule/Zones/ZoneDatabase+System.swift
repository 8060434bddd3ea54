import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension ZoneDatabase {
    private static let usualFolders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]

    /// The machine's database. The environment's `TZDIR` is looked at first.
    static var system: ZoneDatabase {
        ZoneDatabase(folders: (variable("TZDIR").map { [$0] } ?? []) + usualFolders)
    }

    /// The machine's own zone: `TZ`, else `/etc/localtime`, else UTC.
    static func local() throws(FieldError) -> Zone {
        try system.local(variable: getenv("TZ").map { String(cString: $0) }, link: "/etc/localtime")
    }

    /// - Parameters:
    ///   - variable: What `TZ` says, as in tzset(3); nil where it is not set.
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
