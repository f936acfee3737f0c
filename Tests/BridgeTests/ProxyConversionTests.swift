import Configuration
import Testing
import Transport

@testable import Bridge

@Suite struct ProxyConversionTests {
    private let backend = ClientEndpoint(host: "backend.example", port: 443, tls: true, wireProtocol: .http1)

    @Test("a configured proxy beats the environment's, which NO_PROXY is about")
    func precedence() throws {
        let environment = Configuration.Proxies(
            http: try ProxyEndpoint.parse("plain:1"), https: try ProxyEndpoint.parse("tunnel:2"), exempt: ["near.example"])
        let rules = ProxyRules(environment)
        #expect(backend.reached(through: nil, else: rules).proxy == ClientProxy(host: "tunnel", port: 2))
        let configured = try ProxyEndpoint.parse("own:3")
        #expect(backend.reached(through: configured, else: rules).proxy == ClientProxy(host: "own", port: 3))
        var near = backend
        near.host = "near.example"
        #expect(near.reached(through: nil, else: rules).proxy == nil)
        #expect(near.reached(through: configured, else: rules).proxy == ClientProxy(host: "own", port: 3))
    }

    /// RFC 7617, section 2.
    @Test("name and password become Basic credentials, decoded")
    func credentials() throws {
        let configured = try ProxyEndpoint.parse("http://Aladdin:open%20sesame@own:3")
        let endpoint = backend.reached(through: configured, else: ProxyRules(Configuration.Proxies()))
        #expect(endpoint.proxy?.authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    }
}
