/// The parts of a project that no pipeline touches: what Runnel or another program would later run or trust.
///
/// Names are compared as the most lenient file system would: without case, without what cannot be seen, and by what
/// they look like.
public struct ProtectedPlaces: Sendable, Hashable {
    /// The list that holds unless `files:` in `runnel.yaml` says otherwise.
    public static let standard = ProtectedPlaces()

    private let allowed: [[String]]
    private let pipelineFolders: [[String]]
    private let configured: ConfiguredFiles?

    /// - Parameters:
    ///   - allowed: Paths that pipelines may touch nevertheless, with all that is below them, relative to the project.
    ///   - pipelineFolders: Folders in which every `.yaml` and `.yml` is a pipeline, relative to the project.
    public init(allowed: [String] = [], pipelineFolders: [String] = ["pipelines"]) {
        self.init(allowed: allowed, pipelineFolders: pipelineFolders, configured: nil)
    }

    /// - Parameter configured: The files that the project's configuration names.
    package init(
        allowed: [String] = [], pipelineFolders: [String] = ["pipelines"], configured: ConfiguredFiles?
    ) {
        self.allowed = allowed.map(Self.parts)
        self.pipelineFolders = pipelineFolders.map(Self.parts)
        self.configured = configured
    }

    private static func parts(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
    }

    /// A place that is protected.
    package struct Place: Sendable, Hashable {
        /// As it stands in the path: `plugins`.
        let shown: String
        let reason: String

        package func error(_ path: String) -> StepError {
            // Where a part is known at run time only, the folder before it is what could be allowed.
            let known = path.split(separator: "/").prefix { !$0.contains("…") }.joined(separator: "/")
            let allowed = Value.string(known.isEmpty ? path : known).json()
            return StepError(
                StepErrorCode.pathProtected, "pipelines do not touch \"\(path)\": \"\(shown)\" \(reason)",
                hint: "name another place, or allow this one in runnel.yaml: `files: { allow: [\(allowed)] }`")
        }
    }

    private static let everywhere = [
        ".git": "belongs to Git, which runs programs in it", ".runnel": "is where Runnel keeps its runs",
        "runnel.yaml": "is the configuration of a project", ".env": "holds settings and secrets",
    ]
    private static let atTop = ["plugins": "holds programs that Runnel starts"]

    /// Whether a path leads to a place that pipelines do not touch.
    ///
    /// - Parameter parts: The names that lead there from the project's folder.
    public func contains(_ parts: [String]) -> Bool { place(of: parts) != nil }

    /// The protected place that a path leads to; nil where pipelines may touch it.
    ///
    /// - Parameter parts: The names that lead there from the project's folder.
    package func place(of parts: [String]) -> Place? {
        for (index, part) in parts.enumerated() {
            let name = Self.folded(part)
            guard let reason = Self.everywhere[name] ?? (index == 0 ? Self.atTop[name] : nil) else { continue }
            guard !isAllowed(parts, from: index + 1) else { continue }
            return Place(shown: parts[...index].joined(separator: "/"), reason: reason)
        }
        if let file = configured?.file(on: parts), !isAllowed(parts, from: file.parts.count) {
            return Place(shown: parts.prefix(file.parts.count).joined(separator: "/"), reason: file.reason)
        }
        guard let name = parts.last.map(Self.folded), name.hasSuffix(".yaml") || name.hasSuffix(".yml"),
            !isAllowed(parts, from: 1)
        else { return nil }
        let text = parts.joined(separator: "/")
        if name.hasSuffix(".test.yaml") || name.hasSuffix(".test.yml") {
            return Place(shown: text, reason: "is a file of tests, which `runnel test` runs")
        }
        let folders = parts.dropLast().map(Self.folded)
        guard let folder = pipelineFolders.first(where: { folders.starts(with: $0.map(Self.folded)) }) else {
            return nil
        }
        let shown = folder.isEmpty ? "." : folder.joined(separator: "/")
        return Place(shown: text, reason: "is a pipeline: Runnel serves the folder \"\(shown)\"")
    }

    /// Paths, relative to the project, that may be reached by another name: through a link, or on a file system with
    /// several names for one file.
    package var roots: [[String]] {
        Self.everywhere.keys.map { [$0] } + Self.atTop.keys.map { [$0] } + pipelineFolders.filter { !$0.isEmpty }
            + (configured?.all.map(\.parts) ?? [])
    }

    /// Whether the setting names the path or a folder around it, which is `depth` names deep at least.
    private func isAllowed(_ parts: [String], from depth: Int) -> Bool {
        allowed.contains { allowed in
            allowed.count >= depth && parts.count >= allowed.count
                && zip(parts, allowed).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
        }
    }

    /// The name as the most lenient file system reads it: HFS+ ignores what cannot be seen, NTFS dots and spaces at the
    /// end and what stands behind a colon; both ignore case. `String` compares what looks the same as equal.
    static func folded(_ name: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars where !scalar.properties.isDefaultIgnorableCodePoint {
            if scalar == ":" { break }
            scalars.append(scalar)
        }
        while let last = scalars.last, last == "." || last == " " { scalars.removeLast() }
        // Upper case first: it is what brings the long s and the Kelvin sign to plain letters.
        return String(scalars).uppercased().lowercased()
    }
}
