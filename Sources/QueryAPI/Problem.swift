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
    /// For a wrong method: those that the path takes (RFC 9110 section 15.5.6).
    package var allowed: [String]

    package init(status: Int, title: String, detail: String, candidates: [UInt8] = [], allowed: [String] = []) {
        self.status = status
        self.title = title
        self.detail = detail
        self.candidates = candidates
        self.allowed = allowed
    }

    package static func notFound(_ detail: String) -> Problem {
        Problem(status: 404, title: "Not found", detail: detail)
    }

    package static func badRequest(_ detail: String) -> Problem {
        Problem(status: 400, title: "Bad request", detail: detail)
    }

    package static func forbidden(_ detail: String) -> Problem {
        Problem(status: 403, title: "Forbidden", detail: detail)
    }

    /// - Parameter refusal: why the request is not let in.
    static func unauthenticated(_ refusal: BearerAuthentication.Refusal) -> Problem {
        let detail =
            switch refusal {
            case .missing: "The API asks for a token: send Authorization: Bearer TOKEN with one of api.auth.tokens."
            case .wrong: "The token that was sent is not one of api.auth.tokens."
            }
        return Problem(status: 401, title: "Unauthenticated", detail: detail)
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
        var headers = [HeaderField("content-type", "application/problem+json")]
        // RFC 9110 section 11.6.1.
        if status == 401 { headers.append(HeaderField("www-authenticate", "Bearer")) }
        if !allowed.isEmpty { headers.append(HeaderField("allow", allowed.joined(separator: ", "))) }
        return .http(status, headers: headers, body: writer.bytes)
    }
}
