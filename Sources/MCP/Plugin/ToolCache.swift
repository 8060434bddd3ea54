internal import RunnelKit
internal import RunnelProcess

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A cached list of a server's tools, so that pipelines can be validated without starting it.
struct ToolCache: Sendable, Hashable {
    private static let format: Value = 1

    /// The plugin's version; see ``PluginManifest/version``.
    var version: String
    /// The fingerprint of the command or address.
    var fingerprint: String
    /// The protocol revision chosen by the server.
    var `protocol`: String
    var tools: [MCPTool]

    init(manifest: PluginManifest, protocol: String, tools: [MCPTool]) {
        version = manifest.version
        fingerprint = Self.fingerprint(manifest)
        self.protocol = `protocol`
        self.tools = tools
    }

    /// Whether it is current for the manifest.
    func isCurrent(for manifest: PluginManifest) -> Bool {
        version == manifest.version && fingerprint == Self.fingerprint(manifest)
    }

    /// A fingerprint of the command, the address and the names in the environment.
    static func fingerprint(_ manifest: PluginManifest) -> String {
        let words: [Value] = [
            .list((manifest.command?.words ?? []).map { .string($0) }), .string(manifest.url ?? ""),
            .list((manifest.env.names + manifest.env.values.keys).sorted().map { .string($0) }),
        ]
        // FNV-1a. It detects changes and is not cryptographic.
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

    /// Reads the cache; nil if it is missing or invalid, and must be rebuilt.
    static func read(_ path: String) -> ToolCache? {
        guard let data = try? Data(contentsOf: URL(filePath: path)), let value = try? Value.json(Array(data)) else {
            return nil
        }
        return ToolCache(value)
    }

    /// Writes the file atomically, and creates its folder.
    func write(_ path: String) throws {
        let url = URL(filePath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(value.jsonBytes(pretty: true) + [0x0A]).write(to: url, options: .atomic)
        } catch {
            throw StepError(
                PluginErrorCode.pluginCache, "what the plugin offers cannot be written to \(path): \(error)",
                hint: "make the folder writable")
        }
    }
}
