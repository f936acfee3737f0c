import Correlation
import Journal

/// The relay's spill file; what fails ends the run by what is missing then.
final class FileSpillStore: SpillStore {
    private let file: SpillFile

    init(path: String) throws { file = try SpillFile(path: path) }

    func put(_ body: [UInt8], id: UInt64) -> Bool { (try? file.put(body, id: id)) != nil }

    func take(id: UInt64) -> [UInt8]? { try? file.take(id: id) }

    func takeOldest() -> (id: UInt64, body: [UInt8])? { try? file.takeOldest() }
}
