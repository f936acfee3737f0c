import Wire

/// Changes trace ids in place: logs and exemplars whose trace was rewritten.
package enum IDPatch {
    /// A copy of the payload with other trace ids at the offsets that an index gave out; offsets beyond the payload are
    /// left out.
    package static func patch(payload: [UInt8], at patches: [(offset: UInt32, traceID: TraceID)]) -> [UInt8] {
        var output = payload
        for (offset, traceID) in patches where Int(offset) + 16 <= output.count {
            output.overwrite(traceID, at: Int(offset))
        }
        return output
    }
}

extension [UInt8] {
    @inline(always)
    mutating func overwrite(_ traceID: TraceID, at offset: Int) {
        WireWriter.overwrite(at: offset, bigEndian: traceID.high, in: &self)
        WireWriter.overwrite(at: offset &+ 8, bigEndian: traceID.low, in: &self)
    }
}
