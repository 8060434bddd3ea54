public import RunnelKit

/// Resolves ``SensitiveValue``s.
public struct SensitiveResolver: Sendable {
    private let variable: @Sendable (String) -> String?
    /// Reads a file's text; nil if it cannot be read. Paths are relative to the folder of `runnel.yaml`.
    public let readFile: @Sendable (String) -> String?
    private let run: RunCommand

    /// Runs a command and gives its standard output. `cache` is how long an earlier output may be used.
    public typealias RunCommand =
        @Sendable (_ words: [String], _ cache: Duration) -> Result<String, UnavailableSecret>

    /// - Parameters:
    ///   - environment: The process's environment, with `.env` below it.
    ///   - run: Runs the command of a secret; without one, secrets of commands get a stand-in.
    public init(
        environment: [String: String], readFile: @escaping @Sendable (String) -> String?, run: RunCommand? = nil
    ) {
        variable = { environment[$0] }
        self.readFile = readFile
        self.run = run ?? Self.notRun
    }

    private init(variable: @escaping @Sendable (String) -> String?, readFile: @escaping @Sendable (String) -> String?) {
        self.variable = variable
        self.readFile = readFile
        run = Self.notRun
    }

    private static let notRun: RunCommand = { words, _ in .success("a stand-in for \(words.first ?? "")") }

    /// Resolves everything to stand-ins without reading anything, for tests, which must not see real secrets.
    public static let standIns = SensitiveResolver(
        variable: { "a stand-in for \($0)" }, readFile: { "a stand-in for \($0)" })

    /// The value, or the reason why there is none.
    public func resolve(_ value: SensitiveValue) -> Result<String, UnavailableSecret> {
        let text: String
        switch value.source {
        case .environment(let name):
            guard let found = variable(name) else {
                return .failure(UnavailableSecret(reason: "the environment variable \(name) is not set"))
            }
            guard !found.isEmpty else {
                return .failure(UnavailableSecret(reason: "the environment variable \(name) is empty"))
            }
            text = found
        case .file(let path):
            guard let found = readFile(path) else {
                return .failure(UnavailableSecret(reason: "cannot read the file \"\(path)\""))
            }
            // Editors append a line break that is not part of the secret.
            text = found.trimmingSuffix { $0.isNewline }
            guard !text.isEmpty else { return .failure(UnavailableSecret(reason: "the file \"\(path)\" is empty")) }
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

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, predicate(last) { text = text.dropLast() }
        return String(text)
    }
}
