package io.lattice.gateway.http;

import io.grpc.Attributes;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.HttpResponseStatus;

/// What an exchange needs of the protocol that it came by: a connection of HTTP/1.1, which has one exchange at a time, or a
/// stream of HTTP/2. Used on the event loop, but for [#isWritable]. Answers to an exchange that isn't there any more are
/// dropped.
interface HttpStream {
    EventLoop loop();

    Limits limits();

    /// Addresses and TLS session, as gRPC's calls have them.
    Attributes attributes();

    /// Whether the client takes data. For any thread.
    boolean isWritable();

    void reply(HttpExchange answered, HttpReply reply);

    void begin(HttpExchange answered, HttpResponseStatus status, String contentType);

    void chunk(HttpExchange answered, byte[] bytes);

    void end(HttpExchange answered);

    /// Has the watcher of an exchange whose body comes in pieces given the next one, once it is there.
    void more(HttpExchange asking);
}
