package io.lattice.gateway.http;

import com.google.protobuf.ByteString;
import io.netty.handler.codec.http.HttpResponseStatus;

/// A whole answer of HTTP.
record HttpReply(HttpResponseStatus status, String contentType, ByteString body) {
    static final String JSON = "application/json";
    static final String TEXT = "text/plain; charset=utf-8";

    static HttpReply text(HttpResponseStatus status, String text) {
        return new HttpReply(status, TEXT, ByteString.copyFromUtf8(text));
    }

    static HttpReply json(HttpResponseStatus status, String json) {
        return new HttpReply(status, JSON, ByteString.copyFromUtf8(json));
    }

    /// What etcd's endpoints answer to anything but GET.
    static HttpReply methodNotAllowed() {
        return text(HttpResponseStatus.METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    }
}
