import Correlation
import OTLP

/// The 64-bit keys under which the journal's index finds records. Different things may share a key: readers check.
enum RecordKeys {
    static func trace(_ id: TraceID) -> UInt64 {
        mix(id.high ^ mix(id.low ^ 0x7472_6163_6500_0000))
    }

    static func execution(_ id: some Collection<UInt8>) -> UInt64 {
        hash(id, seed: 0x6578_6563_7574_6500)
    }

    /// Kestra's own record of an execution.
    static func report(_ execution: String) -> UInt64 {
        hash(execution.utf8, seed: 0x7265_706F_7274_0000)
    }

    /// All records of events that are to be forwarded.
    static let forwardedEvents = mix(0x666F_7277_6172_6400)
    /// All records of what became of that.
    static let forwardReceipts = mix(0x7265_6365_6970_7400)

    /// FNV-1a with a final mix; the seed tells kinds of keys apart.
    private static func hash(_ bytes: some Collection<UInt8>, seed: UInt64) -> UInt64 {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return mix(value)
    }

    /// Spreads the bits, so that the index may use any of them.
    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ mixed >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return mixed ^ mixed >> 33
    }

    /// The keys of a batch of spans: its traces and executions, each once.
    static func of(_ index: SpanIndex, in payload: [UInt8]) -> [UInt64] {
        var traces: [UInt64] = []
        // The spans of a trace mostly come one after the other.
        for span in index.spans {
            let key = trace(span.traceID)
            if traces.last != key { traces.append(key) }
        }
        traces.sort()
        var keys: [UInt64] = []
        keys.reserveCapacity(traces.count + index.executions.count)
        for key in traces where keys.last != key { keys.append(key) }
        for entry in index.executions {
            keys.append(
                entry.form == .text ? execution(payload[entry.id.indices]) : execution(entry.id(in: payload).utf8))
        }
        return keys
    }
}
