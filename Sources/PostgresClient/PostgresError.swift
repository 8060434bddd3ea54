internal import CRunnelPostgres

/// A failure of the database, of the connection to it, or of the client library. Its text holds no password.
package struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The client library cannot be loaded.
        case library
        /// The settings of the connection are wrong.
        case settings
        /// There is no connection, or it was lost. What was sent may have been performed.
        case connection
        /// The server did not answer in time. The connection is closed.
        case timeout
        /// The server refused the statement, with this SQLSTATE.
        case server(String)
        /// The answer does not have the expected form.
        case answer
    }

    package var kind: Kind
    package var message: String
    package var hint: String?

    package init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    /// Parses libpq's message about a refused or lost connection. Only this text contains the SQLSTATE (see
    /// `rpq_name_states`); its words are in the server's language.
    package init(refusal text: String) {
        let state = text.split(separator: ":").map { $0.trimmingPrefix { $0.isWhitespace } }.first(where: Self.isState)
        var lines: [String] = []
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("LOCATION:") {
            var line = String(line.trimmingPrefix { $0.isWhitespace })
            if let state { line = line.replacing(":  \(state): ", with: ":  ") }
            // Several addresses of a host may report the same error.
            if !lines.contains(line) { lines.append(line) }
        }
        let message = lines.isEmpty ? "the connection is lost" : lines.joined(separator: "; ")
        switch state {
        case let state? where ["28", "3D", "53"].contains(String(state.prefix(2))):
            self.init(.server(String(state)), message)
        // The role has no CONNECT privilege.
        case "42501"?: self.init(.server("28000"), message)
        case _ where message.contains("no password supplied"): self.init(.server("28P01"), message)
        default: self.init(.connection, message)
        }
    }

    private static func isState(_ word: Substring) -> Bool {
        word.utf8.count == 5 && word.contains(where: \.isNumber)
            && word.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }

    package var description: String { message }

    /// The SQLSTATE; nil for a failure that the server did not report.
    package var state: String? {
        if case .server(let state) = kind { state } else { nil }
    }

    /// Whether the connection cannot be used any more.
    package var isConnectionLost: Bool {
        switch kind {
        case .connection, .timeout: true
        // The administrator, a crash or the shutdown of the server ended the session.
        case .server(let state): ["57P01", "57P02", "57P03", "57P05", "25P03"].contains(state) || state.hasPrefix("08")
        case .library, .settings, .answer: false
        }
    }

    /// Whether the same transaction can succeed when it is repeated: a deadlock or a serialization failure.
    package var isTransient: Bool { ["40001", "40P01"].contains(state ?? "") }
}

/// The client library, libpq.
enum PostgresLibrary {
    static func require() throws(PostgresError) {
        switch rpq_load() {
        case RPQ_LOADED: return
        case RPQ_TOO_OLD:
            throw PostgresError(
                .library, "the client library of PostgreSQL is too old",
                hint: "install libpq 14 or newer: package libpq5 on Debian and Ubuntu, libpq on Fedora")
        default:
            throw PostgresError(
                .library, "the client library of PostgreSQL, libpq.so.5, is not installed",
                hint:
                    "install the package libpq5 (Debian, Ubuntu: sudo apt-get install libpq5; Fedora: sudo dnf install libpq)"
            )
        }
    }
}
