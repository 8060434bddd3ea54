/// Which watch stands for which folder.
struct FolderWatches {
    private var folders: [Int32: FilePath] = [:]
    private var watches: [FilePath: Int32] = [:]
    /// Those of the folders that lead to the watched one.
    private var ancestors: Set<Int32> = []

    func folder(of watch: Int32) -> FilePath? { folders[watch] }
    func isAncestor(_ watch: Int32) -> Bool { ancestors.contains(watch) }

    /// All watches.
    var all: [Int32] { Array(folders.keys) + ancestors }

    mutating func add(_ watch: Int32, folder: FilePath) {
        // The system gives a folder that was renamed the watch it had.
        if let old = folders[watch], old != folder { watches[old] = nil }
        folders[watch] = folder
        watches[folder] = watch
    }

    mutating func add(ancestor watch: Int32) {
        ancestors.insert(watch)
    }

    /// - Returns: The folder that was watched.
    mutating func remove(_ watch: Int32) -> FilePath? {
        ancestors.remove(watch)
        guard let folder = folders.removeValue(forKey: watch) else { return nil }
        if watches[folder] == watch { watches[folder] = nil }
        return folder
    }

    /// - Returns: The watches of the folder and of all below it, which are not known any more.
    mutating func remove(within folder: FilePath) -> [Int32] {
        let gone = watches.filter { $0.key.isWithin(folder) }
        for (path, watch) in gone {
            watches[path] = nil
            folders[watch] = nil
        }
        return Array(gone.values)
    }

    mutating func removeAll() {
        self = FolderWatches()
    }
}
