package import OTLP

/// Ids that spanbridge makes: the same on every run and replica, because they depend on nothing but names.
package enum DerivedIDs {
    /// The trace of an execution that nothing else places: SHA-256 over tenant and execution id, first 16 bytes.
    package static func trace(tenant: String, execution: String) -> TraceID {
        let digest = digest("trace", tenant, execution)
        let id = TraceID(high: word(digest, 0), low: word(digest, 8))
        return id.isZero ? TraceID(high: 0, low: 1) : id
    }

    /// The id of an execution's span: SHA-256 over tenant and execution id, first 8 bytes.
    package static func executionSpan(tenant: String, execution: String) -> SpanID {
        let raw = word(digest("execution", tenant, execution), 0)
        return SpanID(raw: raw == 0 ? 1 : raw)
    }

    /// The id of the span in an event's trace that tells of a delivery in another one.
    static func deliverySpan(tenant: String, execution: String) -> SpanID {
        let raw = word(digest("delivery", tenant, execution), 0)
        return SpanID(raw: raw == 0 ? 1 : raw)
    }

    /// The parts are separated by a zero byte, which neither tenant nor execution ids contain, so that no two
    /// different triples give the same input.
    private static func digest(_ purpose: StaticString, _ tenant: String, _ execution: String) -> [UInt8] {
        var input = Array("\(purpose)".utf8)
        input.append(0)
        input.append(contentsOf: tenant.utf8)
        input.append(0)
        input.append(contentsOf: execution.utf8)
        return Digest.sha256(input)
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
