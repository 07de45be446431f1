package io.lattice.gateway.http;

import com.google.protobuf.ByteString;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.LinkedHashMap;
import java.util.Map;

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

    /// To what isn't a request.
    static HttpReply unreadable(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException _ ->
                    text(HttpResponseStatus.REQUEST_URI_TOO_LONG, "URI Too Long\n");
            case TooLongHttpHeaderException _ ->
                    text(
                            HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                            "Request Header Fields Too Large\n");
            default -> text(HttpResponseStatus.BAD_REQUEST, "400 Bad Request\n");
        };
    }

    /// By names in lower case, as HTTP/2 wants them.
    Map<String, String> headers() {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("content-type", contentType);
        headers.put("x-content-type-options", "nosniff");
        headers.put("content-length", Integer.toString(body.size()));
        if (status.equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
            headers.put("allow", "GET");
        }
        return headers;
    }

    FullHttpResponse inHttp1() {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1,
                        status,
                        Unpooled.wrappedBuffer(body.asReadOnlyByteBuffer()));
        headers().forEach(response.headers()::set);
        return response;
    }

    /// What etcd's endpoints answer to anything but GET.
    static HttpReply methodNotAllowed() {
        return text(HttpResponseStatus.METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    }
}
