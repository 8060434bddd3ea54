package import RunnelKit
import YAML

/// Resolves ``SensitiveValue``s.
package struct SensitiveResolver: Sendable {
    private let variable: @Sendable (String) -> String?
    private let readFile: ReadFile
    private let run: RunCommand
    /// Where a setting stands, such as `runnel.yaml:7`; nil where that is not known.
    private let place: @Sendable (_ setting: String) -> String?

    /// Reads a file's bytes.
    package typealias ReadFile = @Sendable (_ absolutePath: String) -> Result<[UInt8], BoundedFile.Failure>
    /// What paths are relative to: the folder of `runnel.yaml`.
    private let folder: String

    /// Runs a command and gives its standard output. `cache` is how long an earlier output may be used.
    package typealias RunCommand =
        @Sendable (_ words: [String], _ cache: Duration) -> Result<String, UnavailableSecret>

    /// - Parameters:
    ///   - environment: The process's environment, with `.env` below it.
    ///   - folder: The folder of `runnel.yaml`, absolute.
    ///   - place: Where a setting stands, such as `runnel.yaml:7`; nil where that is not known.
    ///   - run: Runs the command of a secret; without one, secrets of commands get a stand-in.
    package init(
        environment: [String: String], folder: String, place: @escaping @Sendable (String) -> String? = { _ in nil },
        readFile: @escaping ReadFile = Self.read, run: RunCommand? = nil
    ) {
        variable = { environment[$0] }
        self.folder = folder
        self.place = place
        self.readFile = readFile
        self.run = run ?? Self.notRun
    }

    private init(variable: @escaping @Sendable (String) -> String?, readFile: @escaping ReadFile) {
        self.variable = variable
        self.readFile = readFile
        folder = "/"
        place = { _ in nil }
        run = Self.notRun
    }

    /// In bytes. A secret is a token, a password or a certificate.
    private static let largestFile = 1 << 20

    /// Reads the file on disk.
    package static let read: ReadFile = { path in
        do throws(BoundedFile.Failure) {
            return .success(try BoundedFile.bytes(of: path, limit: largestFile, waits: true))
        } catch {
            return .failure(error)
        }
    }

    private static let notRun: RunCommand = { words, _ in .success("a stand-in for \(words.first ?? "")") }

    /// Resolves everything to stand-ins without reading anything, for tests, which must not see real secrets.
    package static let standIns = SensitiveResolver(
        variable: { "a stand-in for \($0)" }, readFile: { .success(Array("a stand-in for \($0)".utf8)) })

    /// The value, or the reason why there is none.
    ///
    /// - Parameter setting: The setting that it is the value of, such as `secrets.key`; the reason says where it stands.
    package func resolve(_ value: SensitiveValue, of setting: String) -> Result<String, UnavailableSecret> {
        let text: String
        switch value.source {
        case .environment(let name):
            guard let found = variable(name) else {
                return .failure(UnavailableSecret(reason: "the environment variable \(name) is not set"))
            }
            guard !found.isEmpty else {
                return .failure(UnavailableSecret(reason: "the environment variable \(name) is empty"))
            }
            guard !found.hasReplacedBytes else {
                return .failure(UnavailableSecret(reason: "the environment variable \(name) is not UTF-8 text"))
            }
            text = found
        case .file(let path):
            let shown = shown(path, of: setting)
            switch readFile(path.hasPrefix("/") ? path : folder + "/" + path) {
            case .success(let bytes):
                guard bytes.count <= Self.largestFile else {
                    return .failure(UnavailableSecret(reason: "the file \(shown) is larger than 1 MiB"))
                }
                do throws(TextEncoding.Failure) {
                    // Editors and shells on Windows write a byte order mark, also that of UTF-16. Editors append a line
                    // break that is not part of the secret.
                    text = try TextEncoding.utf8.text(of: bytes).trimmingSuffix { $0.isNewline }
                } catch {
                    return .failure(
                        UnavailableSecret(reason: "the file \(shown) \(error.message); save the secret as UTF-8 text"))
                }
            case .failure(let failure):
                return .failure(UnavailableSecret(reason: "cannot read the file \(shown): \(failure.text)"))
            }
            guard !text.isEmpty else {
                return .failure(UnavailableSecret(reason: "the file \(shown) is empty; write the secret into it"))
            }
        case .command(let words, let cache):
            switch run(words, cache) {
            case .success(let output): text = output.trimmingSuffix { $0.isNewline }
            case .failure(let problem): return .failure(problem)
            }
            guard !text.isEmpty else {
                return .failure(UnavailableSecret(reason: "the command \"\(words[0])\" printed nothing"))
            }
        case .literal(let found): text = found
        case .unavailable(let reason): return .failure(UnavailableSecret(reason: reason))
        }
        guard text.utf8.count >= Redactor.minimumLength else {
            return .failure(
                UnavailableSecret(
                    reason: "it is too short to be masked in logs (minimum \(Redactor.minimumLength) bytes)"))
        }
        return .success(text)
    }
}

extension SensitiveResolver {
    /// The path as it is written, with where that is, and with what it stands for where it is relative.
    private func shown(_ path: String, of setting: String) -> String {
        // The line of `plugins.weather` is known, not that of a key in it.
        var parts = setting.split(separator: ".")
        var found: String?
        while found == nil, !parts.isEmpty {
            found = place(parts.joined(separator: "."))
            parts.removeLast()
        }
        let facts = [path.hasPrefix("/") ? nil : "\(folder)/\(path)", found.map { "`\(setting)` in \($0)" }]
            .compactMap(\.self)
        return "\"\(path)\"" + (facts.isEmpty ? "" : " (\(facts.joined(separator: ", ")))")
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, predicate(last) { text = text.dropLast() }
        return String(text)
    }
}

/// The places in `runnel.yaml` that may hold a secret and must not be quoted in diagnostics.
struct SensitivePlaces {
    private struct Place {
        let path: String
        let node: YAMLNode
        /// What is expected there; nil if no error quotes the place.
        var expected: String?
    }

    private var places: [Place] = []

    /// - Parameters:
    ///   - root: That of the file.
    ///   - profiles: Those of the file.
    ///   - schema: That of the whole file.
    init(root: YAMLNode, profiles: SettingsProfiles, schema: Value) {
        find(in: root, [], schema)
        for (name, node) in profiles.nodes {
            if node.pairs == nil {
                places.append(Place(path: "profiles.\(name)", node: node))
            } else {
                find(in: node, [], schema)
            }
        }
        places.removeAll { $0.node.isNull || (try? SensitiveValue(field: Value($0.node))).map(Self.isName) ?? false }
    }

    /// - Parameter schema: nil for the value of an unknown key beside secrets, which may be a misspelt one.
    private mutating func find(in node: YAMLNode, _ path: [String], _ schema: Value?) {
        let place = path.joined(separator: ".")
        guard let schema else { return places.append(Place(path: place, node: node)) }
        if SensitiveValue.isSchema(schema) {
            places.append(Place(path: place, node: node, expected: SensitiveValue.forms))
        } else if place == "journal.url" {
            places.append(Place(path: place, node: node))
        } else if let pairs = node.pairs {
            for pair in pairs {
                let key = pair.key.keyText
                let inner = schema["properties"]?[key] ?? schema["additionalProperties"] ?? [:]
                let isUnknown = inner == false && Self.mayHoldSecrets(schema)
                find(in: pair.value, path + [key], isUnknown ? nil : inner)
            }
        } else if ["plugins", SettingsProfiles.key].contains(place) || Self.mayHoldSecrets(schema) {
            // One that stands in the place of its mapping.
            let expected = schema["properties"] == nil ? "names and values" : "a mapping"
            places.append(Place(path: place, node: node, expected: expected))
        }
    }

    private static func mayHoldSecrets(_ schema: Value) -> Bool {
        let members = (schema["properties"]?.asObject ?? [:]).map { $0.value }
        return SensitiveValue.isSchema(schema)
            || (members + [schema["additionalProperties"]].compactMap(\.self)).contains(where: mayHoldSecrets)
    }

    private static func isName(_ value: SensitiveValue) -> Bool {
        if case .literal = value.source { false } else { true }
    }

    /// Removes the values from messages.
    func conceal(in diagnostics: inout DiagnosticList) {
        for place in places {
            guard let expected = place.expected else { continue }
            let path = place.path.isEmpty ? "" : "`\(place.path)`: "
            let message = "\(path)expected \(expected), found \(Value(place.node).kindName)"
            let hint =
                place.path == "secrets"
                ? "write `secrets: { name: { env: NAME } }`"
                : expected == SensitiveValue.forms ? SensitiveValue.hint(for: Value(place.node)) : nil
            diagnostics.rewrite(in: place.node.range) { diagnostic in
                guard diagnostic.severity == .error else { return }
                if diagnostic.message != message { (diagnostic.message, diagnostic.hint) = (message, nil) }
                diagnostic.hint = hint ?? diagnostic.hint
            }
        }
    }

    /// The displayable file, with asterisks for the secrets.
    func masked(_ source: YAMLSource) -> YAMLSource {
        source.masked(places.map(\.node.range))
    }
}

extension YAMLSource {
    /// The displayable file: same positions, with asterisks in the ranges.
    func masked(_ ranges: [YAMLRange]) -> YAMLSource {
        guard !ranges.isEmpty else { return self }
        var lines: [String] = []
        while let line = self.line(lines.count + 1) {
            let number = lines.count + 1
            let ranges = ranges.filter { $0.start.line <= number && number <= $0.end.line }
            var shown = ""
            for (offset, scalar) in line.unicodeScalars.enumerated() {
                let position = YAMLPosition(line: number, column: offset + 1)
                let isHidden = ranges.contains { $0.start <= position && position < $0.end }
                shown.unicodeScalars.append(isHidden && scalar != " " ? "*" : scalar)
            }
            lines.append(shown)
        }
        return YAMLSource(name: name, text: lines.joined(separator: "\n"))
    }
}

extension String {
    /// Whether an environment variable or the name of a file was not UTF-8: Foundation replaces invalid bytes with U+FFFD.
    package var hasReplacedBytes: Bool { unicodeScalars.contains("\u{FFFD}") }
}
