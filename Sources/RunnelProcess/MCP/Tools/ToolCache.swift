internal import RunnelKit

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What a server said of its tools, kept in a file so that pipelines are validated without starting it.
struct ToolCache: Sendable, Hashable {
    private static let format: Value = 1

    /// Of the plugin; see ``PluginManifest/version``.
    var version: String
    /// Of the command or address.
    var fingerprint: String
    /// The protocol's, as the server chose it.
    var `protocol`: String
    var tools: [MCPTool]

    init(manifest: PluginManifest, protocol: String, tools: [MCPTool]) {
        version = manifest.version
        fingerprint = Self.fingerprint(manifest)
        self.protocol = `protocol`
        self.tools = tools
    }

    /// Whether it still says what the manifest's server would.
    func isCurrent(for manifest: PluginManifest) -> Bool {
        version == manifest.version && fingerprint == Self.fingerprint(manifest)
    }

    /// Changes where the command, the address or the names in the environment change.
    static func fingerprint(_ manifest: PluginManifest) -> String {
        let words: [Value] = [
            .list((manifest.command?.words ?? []).map { .string($0) }), .string(manifest.url ?? ""),
            .list((manifest.env.names + manifest.env.values.keys).sorted().map { .string($0) }),
        ]
        // FNV-1a. It tells changes from one another, and protects from nothing.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Value.list(words).jsonBytes() { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: - As a file

    var value: Value {
        [
            "format": Self.format, "version": .string(version), "fingerprint": .string(fingerprint),
            "protocol": .string(`protocol`), "tools": .list(tools.map(\.value)),
        ]
    }

    init?(_ value: Value) {
        guard value["format"] == Self.format, let version = value["version"]?.asString,
            let fingerprint = value["fingerprint"]?.asString, let tools = value["tools"]?.asList
        else { return nil }
        self.version = version
        self.fingerprint = fingerprint
        self.protocol = value["protocol"]?.asString ?? ""
        self.tools = tools.compactMap(MCPTool.init)
    }

    /// What the file holds; nil when there is none, or one that cannot be read, which is made anew.
    static func read(_ path: String) -> ToolCache? {
        guard let data = try? Data(contentsOf: URL(filePath: path)), let value = try? Value.json(Array(data)) else {
            return nil
        }
        return ToolCache(value)
    }

    /// Writes the file, whole or not at all, and the folder around it.
    func write(_ path: String) throws {
        let url = URL(filePath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(value.jsonBytes(pretty: true) + [0x0A]).write(to: url, options: .atomic)
        } catch {
            throw StepError(
                "plugin-cache", "what the plugin offers cannot be written to \(path): \(error)",
                hint: "make the folder writable")
        }
    }
}
