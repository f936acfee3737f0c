/// One change of a catalog's transaction.
package enum CatalogWrite: Sendable, Equatable {
    /// Inserts or replaces an entity; `time` in Unix nanoseconds is what `load` orders by.
    case put(kind: Int, key: [UInt8], time: UInt64, body: [UInt8])
    case delete(kind: Int, key: [UInt8])
    case setMeta(name: String, value: [UInt8])
}

/// A row of the catalog.
package struct CatalogEntity: Sendable, Equatable {
    package let key: [UInt8]
    /// Unix nanoseconds.
    package let time: UInt64
    package let body: [UInt8]

    package init(key: [UInt8], time: UInt64, body: [UInt8]) {
        self.key = key
        self.time = time
        self.body = body
    }
}
