/// Serializes HTTP/1.1 messages.
enum HTTP1Writer {
    /// Appends a response. Framing and connection fields are the writer's own; a handler's are dropped.
    ///
    /// - Parameters:
    ///   - isHead: the request was HEAD: the size is told, the body is not sent.
    ///   - close: the connection is closed after this response.
    ///   - saysKeepAlive: an HTTP/1.0 peer must be told that the connection stays.
    static func append(
        _ response: Response, isHead: Bool, close: Bool, saysKeepAlive: Bool, to output: inout [UInt8]
    ) {
        let bodyless = response.status < 200 || response.status == 204 || response.status == 304
        let sendsBody = !bodyless && !isHead
        output.reserveCapacity(output.count + 256 + (sendsBody ? response.body.count : 0))
        output.append(contentsOf: "HTTP/1.1 \(response.status) \(reason(response.status))\r\n".utf8)
        for field in response.headers where !isFraming(field.name) { append(field, to: &output) }
        if !bodyless { output.append(contentsOf: "content-length: \(response.body.count)\r\n".utf8) }
        if close {
            output.append(contentsOf: "connection: close\r\n".utf8)
        } else if saysKeepAlive {
            output.append(contentsOf: "connection: keep-alive\r\n".utf8)
        }
        output.append(contentsOf: "\r\n".utf8)
        if sendsBody { output.append(contentsOf: response.body) }
    }

    /// Appends the head of a request; its body follows. A proxy is told the whole URL.
    static func appendHead(
        of request: ClientRequest, authority: String, proxy: ClientProxy?, to output: inout [UInt8]
    ) {
        output.reserveCapacity(output.count + 256 + request.target.utf8.count)
        output.append(contentsOf: request.method.utf8)
        output.append(UInt8(ascii: " "))
        if proxy != nil { output.append(contentsOf: "http://\(authority)".utf8) }
        output.append(contentsOf: request.target.utf8)
        output.append(contentsOf: " HTTP/1.1\r\n".utf8)
        append(HeaderField("host", authority), to: &output)
        if let authorization = proxy?.authorization {
            append(HeaderField("proxy-authorization", authorization), to: &output)
        }
        for field in request.headers where !isFraming(field.name) && field.name != "host" {
            append(field, to: &output)
        }
        if !request.body.isEmpty || request.method != "GET" && request.method != "HEAD" {
            output.append(contentsOf: "content-length: \(request.body.count)\r\n".utf8)
        }
        output.append(contentsOf: "\r\n".utf8)
    }

    /// Appends fields and the empty line that ends them.
    static func append(_ fields: [HeaderField], to output: inout [UInt8]) {
        for field in fields { append(field, to: &output) }
        output.append(contentsOf: "\r\n".utf8)
    }

    private static func append(_ field: HeaderField, to output: inout [UInt8]) {
        output.append(contentsOf: field.name.utf8)
        output.append(UInt8(ascii: ":"))
        output.append(UInt8(ascii: " "))
        // A line end inside a value would start a field, or a message, of its own.
        for byte in field.value.utf8 { output.append(byte.isFieldByte ? byte : UInt8(ascii: " ")) }
        output.append(13)
        output.append(10)
    }

    private static func isFraming(_ name: String) -> Bool {
        name == "content-length" || name == "connection" || name == "transfer-encoding"
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

/// Moves a connection's output to the driver's buffer: large output without a copy, small output without taking memory
/// along, so that an idle connection holds little.
func hand(_ output: inout [UInt8], to target: inout [UInt8]) {
    if target.isEmpty, output.count > 16_384 {
        target = output
        output = []
    } else {
        target.append(contentsOf: output)
        output.removeAll(keepingCapacity: output.capacity <= 4_096)
    }
}
