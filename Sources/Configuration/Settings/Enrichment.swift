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

        package init() {}

        mutating func read(_ section: Section) {
            section.remote("endpoint", &endpoint)
            section.text("tenant", &tenant)
            section.optionalSection("basic_auth", &basicAuth, from: BasicAuth())
            section.text("bearer_token", &bearerToken)
            guard section.isTouched else { return }
            if endpoint == nil, section.reading.origin(of: section.path(of: "endpoint")) == .builtIn {
                section.reading.complain(
                    at: section.origin, path: section.path(of: "endpoint"),
                    "is missing: write the base URL of Kestra, such as http://127.0.0.1:8080")
            }
            if basicAuth != nil, bearerToken != nil {
                section.complain("bearer_token", "conflicts with basic_auth: give one of the two")
            }
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
