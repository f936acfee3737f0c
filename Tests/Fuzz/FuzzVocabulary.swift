import OTLP

/// A vocabulary with everything that a configuration can add, on names that the seeds have.
enum FuzzVocabulary {
    static let keys: CompiledKeys = {
        var keys = AttributeKeys.defaults
        keys.origins += [
            OriginRule(
                name: "shop", role: .home, scopes: ["s"], services: ["shop*"], resource: [("env", "p*"), ("host", "h")]),
            OriginRule(name: "worker", role: .follower, scopes: ["w*"], services: ["w"]),
            OriginRule(name: "rest", role: .bystander, scopes: [], services: [], resource: [("env", "r")]),
        ]
        var order = JoinKey(name: "order")
        order.spanAttributes = [Array("o".utf8), Array("kestra.uid".utf8), Array("url.path".utf8)]
        order.resourceAttributes = [Array("o".utf8), Array("env".utf8)]
        order.logAttributes = [Array("o".utf8)]
        order.queryParameters = ["o"]
        var job = JoinKey(name: "job", kind: .taskRun)
        job.spanAttributes = [Array("o".utf8), Array("kestra.executionId".utf8)]
        job.resourceAttributes = [Array("o".utf8)]
        job.logAttributes = [Array("o".utf8), Array("executionId".utf8)]
        job.origins = [Origin(rawValue: 4)]
        keys.joinKeys = [order, job]
        keys.tenantAttributes = [Array("t".utf8), Array("kestra.tenantId".utf8)]
        keys.resourceTenantAttributes = [Array("t".utf8)]
        keys.executionAttributes = [Array("x".utf8)]
        return CompiledKeys(keys)
    }()

    /// Checks evidence whose owners are so many spans, records or resources.
    static func check(_ entries: [EvidenceEntry], owners: Int, in payload: [UInt8]) {
        var last: Int32 = 0
        for entry in entries {
            require(entry.owner >= last && Int(entry.owner) < owners, "evidence of nothing, or not in order")
            require(entry.value.start <= entry.value.end && Int(entry.value.end) <= payload.count, "a value lies outside")
            require(entry.form == .text || (1...10).contains(entry.value.count), "an integer of impossible length")
            _ = entry.text(in: payload)
            last = entry.owner
        }
    }
}
