internal import Synchronization

/// The files of a project that its configuration names: secrets, keys, certificates and programs. A reload replaces them.
package final class ConfiguredFiles: Sendable, Hashable {
    package struct File: Sendable, Hashable {
        /// The names that lead there from the project's folder. At least one.
        let parts: [String]
        /// Behind its path in a message: "is named by `secrets.key`".
        let reason: String

        /// A file; see the properties.
        package init(_ parts: [String], because reason: String) {
            (self.parts, self.reason) = (parts, reason)
        }
    }

    private let files: Mutex<[[String]: File]>

    package init(_ files: [File] = []) {
        self.files = Mutex(Self.byName(files))
    }

    package var all: [File] { files.withLock { Array($0.values) } }

    package func replace(with files: [File]) {
        self.files.withLock { $0 = Self.byName(files) }
    }

    /// The file that the path leads to or through.
    func file(on path: [String]) -> File? {
        let files = files.withLock { $0 }
        guard !files.isEmpty else { return nil }
        let names = path.map(ProtectedPlaces.folded)
        return names.indices.lazy.compactMap { files[Array(names[...$0])] }.first
    }

    private static func byName(_ files: [File]) -> [[String]: File] {
        Dictionary(files.map { ($0.parts.map(ProtectedPlaces.folded), $0) }, uniquingKeysWith: { first, _ in first })
    }

    package static func == (one: ConfiguredFiles, other: ConfiguredFiles) -> Bool { one === other }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}
