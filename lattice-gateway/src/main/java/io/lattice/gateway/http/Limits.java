package io.lattice.gateway.http;

import java.time.Duration;

/// Bounds of the client port.
///
/// @param connections open connections; further ones are closed at once
/// @param idle a connection without a request is closed after this time
/// @param handshake TLS handshake and HTTP/2 preface, or the head of an HTTP/1.1 request, must be complete after this time
/// @param body the body of an HTTP request must be complete after this time, a message of a stream of the JSON gateway too
/// @param messageBytes largest encoded message that the transport takes
public record Limits(
        int connections, Duration idle, Duration handshake, Duration body, int messageBytes) {
    /// Request line and headers of HTTP/1.1, bytes each, and the head of an HTTP/2 request.
    static final int HEAD_BYTES_MAX = 32 << 10;

    /// Calls that one HTTP/2 connection may have under way.
    static final int CALLS_PER_CONNECTION_MAX = 10_000;

    /// Streams that one connection may reset in a window: as many as it may have, so that a client that cancels all of its
    /// watches at once isn't cut off, while one that opens and resets in a loop is.
    static final int RESETS_PER_WINDOW_MAX = CALLS_PER_CONNECTION_MAX;

    static final int RESET_WINDOW_SECONDS = 10;

    /// Of HTTP/2, for each call of a client and each connection.
    static final int FLOW_CONTROL_WINDOW_BYTES = 1 << 20;

    /// Largest body of an HTTP request, or message in a stream of the JSON gateway. JSON says a byte in one and a third characters, and names beside.
    int bodyBytes() {
        return (int) Math.min(Integer.MAX_VALUE, 2L * messageBytes);
    }
}
