internal import CRunnelPostgres
internal import LibC

/// Where a database is, and who connects to it. What is not given comes from the variables of libpq: `PGHOST`, `PGUSER`,
/// `PGSSLMODE`, and so on, and from `~/.pgpass`.
package struct PostgresOptions: Sendable {
    /// A URL (`postgres://user@host/database?sslmode=verify-full`) or keywords (`host=… dbname=…`), as libpq reads them.
    package var url: String
    /// Wins over a password in the URL.
    package var password: String?
    /// Returns the password for each new connection, so that it can be rotated. Overrides ``password``, even with
    /// nil.
    package var passwordSource: (@Sendable () throws(PostgresError) -> String?)?
    /// The name that `pg_stat_activity` shows.
    package var application: String
    /// Statements for each new session.
    package var preamble: [String]
    /// Whether statements are prepared: not behind a proxy that gives each transaction another session.
    package var prepares: Bool

    package init(
        url: String, password: String? = nil, application: String = "runnel", preamble: [String] = [],
        prepares: Bool = true
    ) {
        self.url = url
        self.password = password
        self.application = application
        self.preamble = preamble
        self.prepares = prepares
    }

    /// The preamble for each transaction, where it may have another session than the one before.
    package var transactionPreamble: [PostgresStatement] {
        guard !prepares else { return [] }
        return preamble.map { text in
            PostgresStatement(text.hasPrefix("SET ") ? "SET LOCAL" + text.dropFirst(3) : text)
        }
    }

    /// One of the hosts of the database. libpq fills in what is nil.
    package struct Host: Sendable, Hashable {
        package var name: String?
        package var address: String?
        package var port: String?

        var parameters: [(String, String)] {
            [("host", name), ("hostaddr", address), ("port", port)].compactMap { keyword, value in
                value.map { (keyword, $0) }
            }
        }

        /// As messages show it.
        package var text: String {
            let place = name ?? address ?? "localhost"
            let suffix = port.map { $0 == "5432" ? "" : ":\($0)" } ?? ""
            return (place.contains(":") ? "[\(place)]" : place) + suffix
        }
    }

    /// The hosts, in the order in which they are tried; never empty.
    package var hosts: [Host] {
        let known = values()
        func list(_ keyword: String, _ variable: String) -> [String] {
            guard let text = Self.value(keyword, variable, known), !text.isEmpty else { return [] }
            return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (names, addresses, ports) = (
            list("host", "PGHOST"), list("hostaddr", "PGHOSTADDR"), list("port", "PGPORT")
        )
        let count = max(names.count, addresses.count, 1)
        // libpq reports lists of different lengths, and fills in missing names.
        guard [names, addresses].allSatisfy({ [0, count].contains($0.count) && !$0.contains("") }),
            [0, 1, count].contains(ports.count)
        else { return [Host()] }
        return (0..<count).map { index in
            let port: String? = ports.count == 1 ? ports[0] : ports.isEmpty ? nil : ports[index]
            return Host(
                name: names.isEmpty ? nil : names[index], address: addresses.isEmpty ? nil : addresses[index],
                port: port == "" ? "5432" : port)
        }
    }

    /// `connect_timeout` in seconds; nil if it is not set. libpq applies it only in blocking calls.
    var connectTimeout: Int? {
        let given = Self.value("connect_timeout", "PGCONNECT_TIMEOUT", values()).flatMap { Int($0) } ?? 0
        return given > 0 ? given : nil
    }

    /// Keywords and values for libpq; later ones win.
    ///
    /// - Parameter host: If nil, libpq determines the host; it also reads a service file.
    func parameters(for host: Host?) -> [(String, String)] {
        var parameters = [
            ("fallback_application_name", application),
            // A peer that has vanished is noticed in seconds, not after the two hours of the system's default.
            ("keepalives_idle", "10"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"), ("client_encoding", "UTF8"), ("dbname", url),
        ]
        if let password { parameters.append(("password", password)) }
        return parameters + (host?.parameters ?? [])
    }

    /// Checks the URL without connecting.
    package func check() throws(PostgresError) {
        try PostgresLibrary.require()
        guard Self.isURL(url) || url.contains("=") || url.isEmpty else {
            throw PostgresError(
                .settings, "the URL of the database begins with no \"postgres://\"",
                hint: "write \"postgres://user@host/database\"")
        }
        guard !url.isEmpty, let options = rpq_PQconninfoParse(url, nil) else {
            if url.isEmpty { return }
            // libpq's own words quote the URL, and with it a password.
            if let name = unknownParameter {
                throw PostgresError(
                    .settings, "the URL of the database has the parameter \"\(name)\", which libpq does not know",
                    hint: "correct its name, such as `sslmode` or `target_session_attrs`")
            }
            throw PostgresError(
                .settings, "the URL of the database cannot be read",
                hint: "write \"postgres://user@host:5432/database\"; percent-encode special characters")
        }
        rpq_PQconninfoFree(options)
    }

    /// The first parameter of the URL that libpq does not know; nil also where it may be a part of a password.
    private var unknownParameter: String? {
        guard let mark = url.firstIndex(of: "?") else { return nil }
        let query = url[url.index(after: mark)...]
        guard !query.contains("@") else { return nil }
        // `ssl` is what JDBC calls `sslmode`, and libpq takes it.
        let known = Set(Self.parsed("").map(\.keyword)).union(["ssl"])
        return query.split(separator: "&").map { String($0.prefix { $0 != "=" }) }.first { !known.contains($0) }
    }

    package static func isURL(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// Hosts, ports and database, as messages show them.
    package var place: String {
        let known = values()
        let database = Self.value("dbname", "PGDATABASE", known) ?? Self.value("user", "PGUSER", known) ?? ""
        return "postgres://\(hosts.map(\.text).joined(separator: ","))/\(database)"
    }

    /// A connection parameter; nil where libpq uses its default.
    private static func value(_ keyword: String, _ variable: String, _ known: [String: String]) -> String? {
        known[keyword] ?? getenv(variable).map { String(cString: $0) }
    }

    /// Removes passwords from a text.
    func redacted(_ text: String) -> String {
        var text = text
        for secret in [password, values()["password"], values()["sslpassword"]] {
            guard let secret, !secret.isEmpty else { continue }
            while let range = Self.range(of: secret, in: text) { text.replaceSubrange(range, with: "***") }
        }
        return text
    }

    private static func range(of part: String, in text: String) -> Range<String.Index>? {
        // A secret that the mask contains would be found again for ever.
        guard !"***".contains(part) else { return nil }
        return text.firstRange(of: part)
    }

    private func values() -> [String: String] {
        var values: [String: String] = [:]
        for parameter in Self.parsed(url) { values[parameter.keyword] = parameter.value }
        return values
    }

    /// All parameters that libpq knows, with the values that the text gives them; empty where it cannot be read.
    private static func parsed(_ text: String) -> [(keyword: String, value: String?)] {
        guard (try? PostgresLibrary.require()) != nil, let options = rpq_PQconninfoParse(text, nil) else { return [] }
        defer { rpq_PQconninfoFree(options) }
        var parameters: [(keyword: String, value: String?)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            parameters.append((String(cString: keyword), option.pointee.value.map { String(cString: $0) }))
            option += 1
        }
        return parameters
    }
}
