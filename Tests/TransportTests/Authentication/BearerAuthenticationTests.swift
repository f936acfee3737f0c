import Testing
import Transport

@Suite struct BearerAuthenticationTests {
    private static let token = "acme-0123456789-token"
    private let authentication = BearerAuthentication(tokens: [
        (token, "ws-acme"), ("beta-0123456789-token", "ws-beta"), ("scraper-0123456789-token", nil),
    ])

    private func check(_ values: [String], _ authentication: BearerAuthentication? = nil) -> BearerAuthentication.Verdict {
        let fields = [HeaderField("x", "y")] + values.map { HeaderField("authorization", $0) }
        return (authentication ?? self.authentication).check(
            RequestHead(
                method: "GET", target: "/", wireProtocol: .http1, headers: fields, peer: "peer", listener: "api"))
    }

    @Test("a token stands for its tenant, or for none; the scheme has no case and any number of spaces")
    func granted() {
        #expect(check(["Bearer \(Self.token)"]) == .granted(tenant: "ws-acme"))
        #expect(check(["bEARER   beta-0123456789-token"]) == .granted(tenant: "ws-beta"))
        #expect(check(["Bearer scraper-0123456789-token"]) == .granted(tenant: nil))
    }

    @Test(
        "without a token of the scheme it is missing",
        arguments: [[], [""], ["Bearer"], ["Basic \(token)"], [token], ["Bearers \(token)"], ["Bearer\t\(token)"]])
    func missing(values: [String]) {
        #expect(check(values) == .refused(.missing))
    }

    @Test("every prefix, every flipped bit, every longer token and two fields are wrong")
    func wrong() {
        let bytes = Array(Self.token.utf8)
        for length in bytes.indices {
            #expect(check(["Bearer \(String(decoding: bytes[..<length], as: UTF8.self))"]) == .refused(.wrong))
        }
        for position in bytes.indices {
            for bit in 0..<7 {
                var damaged = bytes
                damaged[position] ^= 1 << bit
                #expect(check(["Bearer \(String(decoding: damaged, as: UTF8.self))"]) == .refused(.wrong))
            }
        }
        #expect(check(["Bearer \(Self.token)x"]) == .refused(.wrong))
        #expect(check(["Bearer \(Self.token) "]) == .refused(.wrong))
        #expect(check(["Bearer \(Self.token)", "Bearer \(Self.token)"]) == .refused(.wrong))
    }

    @Test("each of 1,024 tokens is found; without a list everybody is let in, with an empty one nobody")
    func many() {
        let many = BearerAuthentication(tokens: (0..<1_024).map { ("token-\($0)-0123456789", "ws-\($0)") })
        for number in 0..<1_024 {
            #expect(check(["Bearer token-\(number)-0123456789"], many) == .granted(tenant: "ws-\(number)"))
        }
        #expect(check(["Bearer token-1024-0123456789"], many) == .refused(.wrong))
        let open = BearerAuthentication(tokens: nil)
        #expect(check([], open) == .granted(tenant: nil) && check(["Basic x"], open) == .granted(tenant: nil))
        #expect(check(["Bearer "], BearerAuthentication(tokens: [])) == .refused(.wrong))
    }

    @Test("refusals are counted by listener and reason")
    func counts() {
        authentication.note(.wrong, of: "grpc")
        authentication.note(.wrong, of: "grpc")
        authentication.note(.missing, of: "http")
        #expect(authentication.counts(of: "grpc").map(\.requests) == [0, 2])
        let http = authentication.counts(of: "http")
        #expect(http.map(\.requests) == [1, 0] && http.map(\.refusal) == [.missing, .wrong])
        #expect(http.allSatisfy { $0.listener == "http" })
    }
}
