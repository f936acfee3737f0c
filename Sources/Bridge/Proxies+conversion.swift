import Configuration
import OTLP
import Transport

extension ProxyRules {
    init(_ configuration: Configuration.Proxies) {
        self.init(
            plain: configuration.http.map(ClientProxy.init), tunnel: configuration.https.map(ClientProxy.init),
            exempt: configuration.exempt)
    }
}

extension ClientEndpoint {
    /// The endpoint with the proxy that is configured for it, else with the one of the environment.
    func reached(through configured: ProxyEndpoint?, else rules: ProxyRules) -> ClientEndpoint {
        var endpoint = self
        endpoint.proxy = configured.map(ClientProxy.init) ?? rules.proxy(for: self)
        return endpoint
    }
}

extension ClientProxy {
    fileprivate init(_ configuration: ProxyEndpoint) {
        self.init(
            host: configuration.host, port: configuration.port,
            authorization: configuration.credentials.map {
                Base64.basicCredentials(username: $0.username, password: $0.password)
            })
    }
}
