import Transport

/// Which pages of other origins may send from a browser (the Fetch standard's CORS protocol). Without origins, none.
package struct CrossOrigin: Sendable {
    /// `https://shop.example.org`; one `*` stands for anything.
    private let origins: [String]
    /// Header fields beside those that every page may send.
    private let headers: [String]
    /// How long a browser may remember the answer, seconds.
    private let maxAge: Int

    package init(origins: [String] = [], headers: [String] = [], maxAge: Int = 0) {
        self.origins = origins
        self.headers = headers
        self.maxAge = maxAge
    }

    var isOn: Bool { !origins.isEmpty }

    /// The answer to the question that a browser asks before it sends; nil if this is none.
    func preflight(_ head: RequestHead) -> Response? {
        guard isOn, head.method == "OPTIONS", head.header("access-control-request-method") != nil,
            let origin = head.header("origin")
        else { return nil }
        var fields = [HeaderField("vary", "origin, access-control-request-method, access-control-request-headers")]
        if allows(origin) {
            fields.append(HeaderField("access-control-allow-origin", origin))
            fields.append(HeaderField("access-control-allow-methods", "POST"))
            let names = ["content-type", "content-encoding"] + headers
            fields.append(HeaderField("access-control-allow-headers", names.joined(separator: ", ")))
            if maxAge > 0 { fields.append(HeaderField("access-control-max-age", String(maxAge))) }
        }
        return .http(204, headers: fields)
    }

    /// The same answer, which the page may read if its origin is allowed.
    func allow(_ response: Response, to head: RequestHead) -> Response {
        guard isOn, let origin = head.header("origin") else { return response }
        var response = response
        response.headers.append(HeaderField("vary", "origin"))
        if allows(origin) { response.headers.append(HeaderField("access-control-allow-origin", origin)) }
        return response
    }

    private func allows(_ origin: String) -> Bool {
        origins.contains { pattern in
            let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return pattern == origin }
            return origin.utf8.count >= pattern.utf8.count - 1 && origin.hasPrefix(parts[0]) && origin.hasSuffix(parts[1])
        }
    }
}
