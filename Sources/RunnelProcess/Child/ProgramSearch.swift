#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Finds the file behind the first word of a command, as a shell would.
struct ProgramSearch {
    /// The plugin's folder, where a word with a slash begins.
    let folder: String
    /// The folders of `PATH`.
    let path: [String]
    /// Whether there is a file that may be run.
    let isExecutable: (String) -> Bool

    init(folder: String, path: String, isExecutable: @escaping (String) -> Bool = Self.mayBeRun) {
        self.folder = folder
        self.path = path.split(separator: ":").map(String.init)
        self.isExecutable = isExecutable
    }

    /// The program's absolute path.
    func find(_ word: String) throws(Problem) -> String {
        if word.contains("/") {
            let relative = word.hasPrefix("./") ? String(word.dropFirst(2)) : word
            let place = word.hasPrefix("/") ? word : "\(folder)/\(relative)"
            if isExecutable(place) { return place }
            throw Problem(
                message: "there is no program \"\(word)\" that may be run in \(folder)",
                hint: "check the name, and make the file executable (chmod +x)")
        }
        if let place = path.lazy.map({ "\($0)/\(word)" }).first(where: isExecutable) { return place }
        let isHere = isExecutable("\(folder)/\(word)")
        throw Problem(
            message: "there is no program \"\(word)\" in PATH",
            hint: isHere
                ? "write \"./\(word)\" for the file in the plugin's folder"
                : "install it, or write its path; a path with a slash begins at the plugin's folder")
    }

    /// What is wrong, and what to do.
    struct Problem: Error, Hashable {
        let message: String
        let hint: String
    }

    private static func mayBeRun(_ path: String) -> Bool {
        var information = stat()
        return access(path, X_OK) == 0 && stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    }
}
