import OTLP
package import Transport

/// An error of the API as `application/problem+json` (RFC 9457).
package struct Problem: Sendable, Error {
    /// The HTTP status.
    package var status: Int
    package var title: String
    /// What failed and what to do about it.
    package var detail: String
    /// For an ambiguous event: the names it may mean, as a JSON array.
    package var candidates: [UInt8]

    package init(status: Int, title: String, detail: String, candidates: [UInt8] = []) {
        self.status = status
        self.title = title
        self.detail = detail
        self.candidates = candidates
    }

    package static func notFound(_ detail: String) -> Problem {
        Problem(status: 404, title: "Not found", detail: detail)
    }

    package static func badRequest(_ detail: String) -> Problem {
        Problem(status: 400, title: "Bad request", detail: detail)
    }

    package static func unavailable(_ detail: String) -> Problem {
        Problem(status: 503, title: "Unavailable", detail: detail)
    }

    package var response: Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("title")
        writer.string(title)
        writer.key("status")
        writer.integer(status)
        writer.key("detail")
        writer.string(detail)
        if !candidates.isEmpty {
            writer.key("candidates")
            writer.raw(json: candidates)
        }
        writer.endObject()
        return .http(
            status, headers: [HeaderField("content-type", "application/problem+json")], body: writer.bytes)
    }
}
