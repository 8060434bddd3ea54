internal import LibC
internal import RunnelSupport

/// A file of the project as it was read.
public struct ProjectFile: Sendable {
    /// Relative to the project; absolute for a file that was named on the command line.
    public let path: String
    /// The content.
    public let bytes: [UInt8]
    /// When it was written last: nanoseconds since 1970.
    public let modified: Int64

    /// What is known of the file beside its content: `path`, `name`, `stem`, `extension` (in lower case, without its
    /// dot), `size` in bytes, and `modified` as RFC 3339.
    public var facts: ValueObject {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let dot = name.dropFirst().lastIndex(of: ".")
        return [
            "path": .string(path), "name": .string(name), "stem": .string(dot.map { String(name[..<$0]) } ?? name),
            "extension": .string(dot.map { String(name[name.index(after: $0)...]).lowercased() } ?? ""),
            "size": .int(Int64(bytes.count)), "modified": .string(Timestamp.text(nanoseconds: modified)),
        ]
    }

    /// The content as text, without a byte order mark.
    ///
    /// A byte order mark tells the encoding; then `encoding` does, then what an XML or HTML file declares; otherwise it is
    /// UTF-8.
    ///
    /// - Throws: A ``StepError`` with the code `not-utf8`, or `bad-encoding` where another encoding was named.
    public func text(_ encoding: TextEncoding? = nil) throws(StepError) -> String {
        let encoding = if let encoding { encoding } else { try declaredEncoding() ?? .utf8 }
        do throws(TextEncoding.Failure) {
            return try encoding.text(of: bytes)
        } catch {
            guard encoding == .utf8 else {
                throw StepError(
                    FileErrorCode.badEncoding, "\"\(path)\" \(error.message)",
                    hint: "name its real encoding with `encoding`, or read it with `as: bytes`")
            }
            throw StepError(
                FileErrorCode.notUTF8, "\"\(path)\" \(error.message)",
                hint: "name its encoding, such as `encoding: shift_jis`, or read it with `as: bytes`")
        }
    }

    /// What an XML or HTML file says of itself; nil for other files, and where it says nothing.
    private func declaredEncoding() throws(StepError) -> TextEncoding? {
        let label: String?
        switch facts["extension"]?.asString {
        case "xml", "rss", "atom", "svg": label = Charset.declared(inXML: bytes)
        case "html", "htm", "xhtml": label = Charset.declared(inHTML: bytes) ?? Charset.declared(inXML: bytes)
        default: label = nil
        }
        guard let label else { return nil }
        guard let charset = Charset(label: label) else {
            throw StepError(
                FileErrorCode.badEncoding, "\"\(path)\" declares the unknown encoding \(Value.string(label).quoted())",
                hint: "name its encoding with `encoding`, or read it with `as: bytes`")
        }
        return TextEncoding(charset)
    }
}

/// The location of a file to read: below the project, or named on the command line.
struct ProjectFileReader {
    private enum Place {
        case confined(ConfinedPath)
        case granted(String)
    }

    private let place: Place

    init(path: ConfinedPath) {
        place = .confined(path)
    }

    init(granted path: String) {
        place = .granted(path)
    }

    /// The path for messages.
    var shown: String {
        switch place {
        case .confined(let path): path.text
        case .granted(let path): path
        }
    }

    func read(limit: ByteCount) throws(StepError) -> ProjectFile {
        switch place {
        case .confined(let path):
            let folder = try ConfinedFolder(of: path, makesFolders: false, action: "read")
            do throws(StepError) {
                let file = try folder.open(flags: O_RDONLY | O_NONBLOCK, action: "read")
                return try content(of: file, limit)
            } catch  where error.has(FileErrorCode.fileNotFound) {
                throw error.suggesting(names(in: folder.number), for: path)
            }
        case .granted(let path):
            switch SystemCalls.open(path, in: nil, flags: O_RDONLY | O_NONBLOCK) {
            case .success(let number): return try content(of: FileDescriptor(owning: number), limit)
            case .failure(let error): throw error.stepError("read", path)
            }
        }
    }

    /// The names in an open folder, for suggestions.
    private func names(in folder: Int32) -> [String] {
        guard case .success(let copy) = SystemCalls.open(".", in: folder, flags: O_RDONLY | O_DIRECTORY) else {
            return []
        }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private func content(of file: FileDescriptor, _ limit: ByteCount) throws(StepError) -> ProjectFile {
        let status: stat
        switch SystemCalls.status(file.number) {
        case .success(let found): status = found
        case .failure(let error): throw error.stepError("read", shown)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw StepError(StepErrorCode.fileIsFolder, "cannot read \"\(shown)\": it is \(what)", hint: "name a file")
        }
        var bytes: [UInt8] = []
        while true {
            switch SystemCalls.read(file.number, upTo: 1 << 20) {
            case .failure(let error): throw error.stepError("read", shown)
            case .success(let piece):
                if piece.isEmpty {
                    return ProjectFile(path: shown, bytes: bytes, modified: status.modifiedNanoseconds)
                }
                bytes += piece
            }
            guard bytes.count <= limit.bytes else {
                throw StepError(
                    FileErrorCode.fileTooLarge, "\"\(shown)\" is larger than \(limit)",
                    hint: "raise `max_size` if that is meant")
            }
        }
    }
}

extension StepError {
    fileprivate func suggesting(_ names: [String], for path: ConfinedPath) -> StepError {
        var copy = self
        copy.hint = Suggestion.hint(for: path.name, among: names)
        return copy
    }
}
