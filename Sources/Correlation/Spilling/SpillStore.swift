/// Where the correlator puts what has been quiet for long: a place with more room than memory, for as long as the process
/// lives. Belongs to the correlator's thread.
package protocol SpillStore: AnyObject {
    /// Keeps a body. False if that failed: then it stays in memory.
    func put(_ body: [UInt8], id: UInt64) -> Bool
    /// Gives a body back and lets go of it; nil if it cannot be read.
    func take(id: UInt64) -> [UInt8]?
    /// The same for the one that was put first of those that are there.
    func takeOldest() -> (id: UInt64, body: [UInt8])?
}
