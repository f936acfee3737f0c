/// One change of a catalog's transaction.
package enum CatalogWrite: Sendable, Equatable {
    /// Inserts or replaces an entity; `time` in Unix nanoseconds is what `load` orders by.
    case put(id: UInt64, kind: Int, time: UInt64, body: [UInt8])
    case delete(id: UInt64)
    case setMeta(name: String, value: [UInt8])
}

/// A row of the catalog.
package struct CatalogEntity: Sendable, Equatable {
    package let id: UInt64
    package let kind: Int
    /// Unix nanoseconds.
    package let time: UInt64
    package let body: [UInt8]

    package init(id: UInt64, kind: Int, time: UInt64, body: [UInt8]) {
        self.id = id
        self.kind = kind
        self.time = time
        self.body = body
    }
}
