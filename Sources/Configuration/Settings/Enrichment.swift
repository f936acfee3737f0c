extension Configuration {
    /// Where the relay may ask about what telemetry does not tell.
    package struct Enrichment: SettingsSection, Hashable {
        /// Off unless given.
        package var kestraAPI: KestraAPI?

        mutating func read(_ section: Section) {
            section.optionalSection("kestra_api", &kestraAPI, from: KestraAPI())
        }
    }

    /// Kestra's API, asked about executions without evidence.
    package struct KestraAPI: SettingsSection, Hashable {
        /// The base URL, such as `http://127.0.0.1:8080`. Required.
        package var endpoint: RemoteEndpoint?
        /// The tenant in the API's paths. Default `main`.
        package var tenant = "main"
        package var basicAuth: BasicAuth?
        /// Sent as `Authorization: Bearer …`. Not together with `basic_auth`.
        package var bearerToken: String?
        /// How to encrypt; nil encrypts if the endpoint begins with `https://`.
        package var tls: TLS?
        /// The HTTP proxy that requests go through; nil takes the one of the environment.
        package var proxyURL: ProxyEndpoint?
        /// For one request. Default 10 s. Lower gives up on a slow Kestra.
        package var timeout: Nanoseconds = 10_000_000_000
        /// Bytes of an answer. Default 4 MiB. An execution with many task runs may have more, and then counts as unknown.
        package var maxResponseSize: ByteCount = 4 << 20
        /// Requests a second, at most. Default 20.
        package var rate = 20.0
        /// Requests in flight at once. Default 2.
        package var concurrency = 2
        /// Executions that wait or are remembered. Default 10,000; beyond it the longest known are forgotten.
        package var cacheSize = 10_000
        /// Requests for one execution in all. Default 10.
        package var maxAttempts = 10
        /// Until an execution that Kestra does not know yet is asked for again, one pause after the other.
        package var backoff: [Nanoseconds] = [200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000]
        /// Until an execution that has not ended is asked for again, one pause after the other.
        package var follow: [Nanoseconds] = [5_000_000_000, 20_000_000_000, 60_000_000_000, 300_000_000_000]
        package var circuitBreaker = CircuitBreaker()
        package var inputs = Inputs()

        package init() {}

        /// Whether requests are encrypted: by the scheme, else by a `tls` section that does not say `insecure`.
        package var usesTLS: Bool {
            switch endpoint?.scheme {
            case .https: true
            case .http: false
            case nil: tls.map { !$0.insecure } ?? false
            }
        }

        mutating func read(_ section: Section) {
            section.remote("endpoint", &endpoint)
            section.text("tenant", &tenant)
            section.optionalSection("basic_auth", &basicAuth, from: BasicAuth())
            section.text("bearer_token", &bearerToken)
            section.optionalSection("tls", &tls, from: TLS())
            section.proxy("proxy_url", &proxyURL)
            section.duration("timeout", &timeout, in: 100_000_000...600_000_000_000)
            section.size("max_response_size", &maxResponseSize, in: 1024...256 << 20)
            section.number("rate", &rate, in: 0.01...10_000)
            section.count("concurrency", &concurrency, in: 1...100)
            section.count("cache_size", &cacheSize, in: 1...10_000_000)
            section.count("max_attempts", &maxAttempts, in: 1...1000)
            section.durations("backoff", &backoff, in: 1_000_000...86_400_000_000_000)
            section.durations("follow", &follow, in: 1_000_000...86_400_000_000_000)
            section.section("circuit_breaker", &circuitBreaker)
            section.section("inputs", &inputs)
            guard section.isTouched else { return }
            if endpoint == nil, section.reading.origin(of: section.path(of: "endpoint")) == .builtIn {
                section.reading.complain(
                    at: section.origin, path: section.path(of: "endpoint"),
                    "is missing: write the base URL of Kestra, such as http://127.0.0.1:8080")
            }
            if basicAuth != nil, bearerToken != nil {
                section.complain("bearer_token", "conflicts with basic_auth: give one of the two")
            }
            if let tls, !tls.insecure, !usesTLS, endpoint != nil {
                section.warn("tls", "has no effect: the endpoint begins with http://, so requests go in plain text")
            }
        }
    }

    /// When a failing Kestra is left alone.
    package struct CircuitBreaker: SettingsSection, Hashable {
        /// Failures in a row after which nothing is asked for a while. Default 5.
        package var failures = 5
        /// How long that is at first; it doubles with every further failure. Default 5 s.
        package var pause: Nanoseconds = 5_000_000_000
        /// The longest it gets. Default 5 min.
        package var maxPause: Nanoseconds = 300_000_000_000

        mutating func read(_ section: Section) {
            section.count("failures", &failures, in: 1...1_000_000)
            section.duration("pause", &pause, in: 1_000_000...86_400_000_000_000)
            section.duration("max_pause", &maxPause, in: 1_000_000...86_400_000_000_000)
            if section.isTouched, maxPause < pause {
                section.complain(
                    "max_pause",
                    "is shorter than pause: \(describe(duration: maxPause)) is less than \(describe(duration: pause))")
            }
        }
    }

    /// Under which names flows get their event and trace context, in inputs or labels. Case, `_`, `-` and `.` do not count.
    package struct Inputs: SettingsSection, Hashable {
        /// A W3C traceparent. A given list replaces the default, here and below.
        package var traceparent = ["traceparent", "cloudevent_traceparent", "event_traceparent", "ce_traceparent"]
        package var eventID = ["cloudevent_id", "cloudevents_event_id", "event_id", "ce_id"]
        package var eventSource = ["cloudevent_source", "cloudevents_event_source", "event_source", "ce_source"]

        mutating func read(_ section: Section) {
            section.list("traceparent", &traceparent)
            section.list("event_id", &eventID)
            section.list("event_source", &eventSource)
        }
    }

    package struct BasicAuth: SettingsSection, Hashable {
        package var username = ""
        /// Best given as `${env:NAME}`.
        package var password = ""

        package init() {}

        mutating func read(_ section: Section) {
            section.text("username", &username)
            var secret: String? = password
            section.text("password", &secret)
            password = secret ?? ""
            if section.isTouched, username.isEmpty, section.reading.origin(of: section.path(of: "username")) == .builtIn
            {
                section.reading.complain(at: section.origin, path: section.path(of: "username"), "is missing")
            }
            if username.contains(":") { section.complain("username", "cannot hold a colon (RFC 7617)") }
        }
    }
}

extension Section {
    /// Several durations in their order.
    fileprivate func durations(_ name: String, _ value: inout [Nanoseconds], in range: ClosedRange<Nanoseconds>) {
        var texts = value.map { describe(duration: $0) }
        list(name, &texts)
        var durations: [Nanoseconds] = []
        for text in texts {
            do throws(Mistake) {
                let duration = try parseDuration(text)
                guard range.contains(duration) else {
                    throw Mistake(
                        "must be between \(describe(duration: range.lowerBound)) and \(describe(duration: range.upperBound)), "
                            + "is \(describe(duration: duration))")
                }
                durations.append(duration)
            } catch {
                complain(name, error.message)
                return
            }
        }
        value = durations
    }
}
