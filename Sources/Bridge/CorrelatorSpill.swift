import Configuration
import Correlation
import Journal

/// Puts what the correlator spills into a file of the data directory, and says so if that fails. Belongs to the
/// correlator's thread.
final class CorrelatorSpill: SpillStore {
    private let file: SpillFile
    private let log: Log

    init(directory: String, log: Log) throws(SQLiteError) {
        file = try SpillFile(path: "\(directory)/spill.sqlite")
        self.log = log
    }

    func put(_ body: [UInt8], id: UInt64) -> Bool {
        logged("Quiet executions could not be moved out of memory (correlation.max_in_memory)") { () throws(SQLiteError) in
            try file.put(body, id: id)
            return true
        } ?? false
    }

    func take(id: UInt64) -> [UInt8]? {
        logged("Quiet executions could not be read back and are forgotten") { () throws(SQLiteError) in
            try file.take(id: id)
        } ?? nil
    }

    func takeOldest() -> (id: UInt64, body: [UInt8])? {
        logged("Quiet executions could not be forgotten") { () throws(SQLiteError) in try file.takeOldest() } ?? nil
    }

    private func logged<Value>(_ failure: String, _ body: () throws(SQLiteError) -> Value) -> Value? {
        do throws(SQLiteError) {
            return try body()
        } catch {
            log.limited(.error, failure, ("error", "\(error)"))
            return nil
        }
    }
}
