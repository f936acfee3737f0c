extension Configuration {
    /// What happens to CloudEvents that `POST /v1/cloudevents` takes in, beside their use as evidence.
    package struct CloudEvents: SettingsSection, Hashable {
        /// Off unless given.
        package var forwardTo: ForwardTo?

        mutating func read(_ section: Section) {
            section.optionalSection("forward_to", &forwardTo, from: ForwardTo())
        }
    }

    /// The webhooks that events are forwarded to.
    package struct ForwardTo: SettingsSection, Hashable {
        /// One webhook and the events that it gets. The first route whose types fit an event is the only one to get it.
        package struct Route: Sendable, Hashable {
            /// The name in metrics and logs: letters, digits, `-` and `_`.
            package var name: String
            /// Event types: exact, or a prefix if the entry ends in `*`.
            package var types: [String]
            package var endpoint: WebhookEndpoint?
            /// The key of the endpoint, for messages.
            package var path: String

            /// Whether an event of this type takes the route.
            package func takes(type: String) -> Bool {
                types.contains { $0.hasSuffix("*") ? type.hasPrefix($0.dropLast()) : type == $0 }
            }
        }

        /// In the order in which they are tried; `endpoint` is the last, named `default`, and takes every type.
        package var routes: [Route] = []
        /// Sent with each call. Default none. Values are never logged.
        package var headers: [Exporter.Header] = []
        package var tls: TLS?
        /// The HTTP proxy that calls go through; nil takes the one of the environment.
        package var proxyURL: ProxyEndpoint?
        /// How long one call may take. Default 10 s. Lower repeats calls that Kestra did take, and so starts executions
        /// twice; higher finds a dead Kestra later.
        package var timeout: Nanoseconds = 10 * second
        /// The default size is 16 MiB; what does not fit waits in the journal.
        package var sendingQueue = SendingQueue(size: 16 << 20)
        package var retryOnFailure = RetryOnFailure()

        package init() {}

        /// Whether any calls are encrypted.
        package var usesTLS: Bool { routes.contains { $0.endpoint?.server.scheme == .https } }

        mutating func read(_ section: Section) {
            var endpoint: WebhookEndpoint?
            section.webhook("endpoint", &endpoint)
            readRoutes(section)
            headers += section.headers()
            section.optionalSection("tls", &tls, from: TLS())
            section.proxy("proxy_url", &proxyURL)
            section.duration("timeout", &timeout, in: 10 * millisecond...hour)
            section.section("sending_queue", &sendingQueue)
            section.section("retry_on_failure", &retryOnFailure)
            let path = section.path(of: "endpoint")
            if let endpoint { routes.append(Route(name: "default", types: ["*"], endpoint: endpoint, path: path)) }
            guard section.isTouched else { return }
            if routes.isEmpty, section.reading.origin(of: path) == .builtIn,
                section.reading.origin(of: section.path(of: "routes")) == .builtIn
            {
                section.reading.complain(
                    at: section.origin, path: path,
                    "is missing: write the whole URL of a webhook, or routes: [{types: [...], endpoint: ...}]")
            }
            if tls != nil, !routes.isEmpty, !usesTLS {
                section.warn("tls", "has no effect: no endpoint begins with https://, so calls go in plain text")
            }
            if tls?.insecure == true {
                section.warn("tls", "insecure has no effect here: http:// or https:// in the endpoint decides")
            }
        }

        private mutating func readRoutes(_ section: Section) {
            let kind = "list of {types, endpoint, name}"
            for (position, item) in (section.sections("routes", kind: kind) ?? []).enumerated() {
                var route = Route(
                    name: "route-\(position + 1)", types: [], endpoint: nil, path: item.path(of: "endpoint"))
                item.text("name", &route.name)
                item.list("types", &route.types)
                item.webhook("endpoint", &route.endpoint)
                item.finish()
                if route.endpoint == nil, section.reading.origin(of: route.path) == .builtIn {
                    section.reading.complain(
                        at: item.origin, path: route.path, "is missing: write the whole URL of a webhook")
                }
                if route.types.isEmpty {
                    section.reading.complain(
                        at: item.origin, path: item.path(of: "types"),
                        "names nothing: list event types such as com.portarium.run.*")
                }
                for type in route.types where type.dropLast().contains("*") {
                    item.complain("types", "\"\(excerpt(type))\" has a * that is not its last character")
                }
                let isName = route.name.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
                if !isName || route.name == "default" || routes.contains(where: { $0.name == route.name }) {
                    item.complain(
                        "name", "must be letters, digits, - or _, other than those of other routes and than default")
                }
                routes.append(route)
            }
        }
    }
}
